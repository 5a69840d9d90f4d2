/** What one call on a connection is made with: the connection's parts, the call and its reader. */
import type { McpServerConfig } from "../../config/config.ts";
import type { Call, Ending } from "../../model.ts";
import type { UpstreamDeps } from "../deps.ts";
import type { ExchangeSource } from "../exchange_source.ts";
import type { Dialect } from "../link/dialect.ts";
import type { Link } from "../link/link.ts";
import type { AttributedCall, AttributedCalls } from "./attribution.ts";
import type { ListVariants } from "./list_variants.ts";
import type { ServerMessages } from "./server_messages.ts";

/** The parts that all calls of one connection share. */
export interface CallBasis {
  readonly config: McpServerConfig;
  readonly deps: Pick<UpstreamDeps, "clock" | "limits">;
  readonly link: Link;
  readonly dialect: Dialect;
  readonly lists: ListVariants;
  /** Whether the server runs tools as tasks. */
  readonly hasTasks: boolean;
  /** Where the messages of the server during a call go. */
  readonly route: Pick<ServerMessages, "noticeTo" | "askTo">;
  readonly calls: Pick<AttributedCalls, "whenTold" | "taken">;
  /** Called when a call is over; without an ending it was given up. */
  ended(call: AttributedCall, ending: Ending | undefined): void;
}

/** The parts of one call. */
export interface CallOptions {
  readonly basis: CallBasis;
  readonly call: Call;
  readonly source: ExchangeSource;
}
