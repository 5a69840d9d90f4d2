/** What one call on a connection is made with: the connection's parts, the call and its reader. */
import type { McpServerConfig } from "../../config/config.ts";
import type { Call, Ending, Notice } from "../../model.ts";
import type { UpstreamDeps } from "../deps.ts";
import type { ExchangeSource } from "../exchange_source.ts";
import type { Dialect } from "../link/dialect.ts";
import type { Link, LinkRequest } from "../link/link.ts";
import type { ServerLists } from "./lists.ts";

/** What a call is made with. */
export interface CallOptions {
  readonly config: McpServerConfig;
  readonly deps: Pick<UpstreamDeps, "clock" | "limits">;
  readonly link: Link;
  readonly dialect: Dialect;
  readonly lists: ServerLists;
  /** Whether the server runs tools as tasks. */
  readonly hasTasks: boolean;
  readonly call: Call;
  readonly source: ExchangeSource;
  readonly notice: (notice: Notice) => boolean;
  readonly ask: NonNullable<LinkRequest["ask"]>;
  /** Called once, with the ending that the reader gets, or undefined when the call was given up. */
  readonly ended: (ending: Ending | undefined) => void;
}
