/**
 * The kinds of upstreams. A new kind is one folder, one row here, and the contract suite; an
 * embedding program adds its own row by `kinds` of `createGateway`.
 */
import type {
  FailedServerConfig,
  HttpServerConfig,
  RestServerConfig,
  ServerConfig,
  StdioServerConfig,
} from "../config/config.ts";
import { commandForm } from "../config/local.ts";
import { urlForm } from "../config/remote_server.ts";
import { openApiForm, recipeForm } from "../config/rest_forms.ts";
import { isOfKind, type OwnPart, type ServerForm, type ServerKind } from "../config/server_kind.ts";
import type { UpstreamDeps } from "./deps.ts";
import { createFailedUpstream } from "./failed_upstream.ts";
import { createHttpUpstream } from "./http/http_upstream.ts";
import { createRestUpstream } from "./rest/rest_upstream.ts";
import { createStdioUpstream } from "./stdio/stdio_upstream.ts";
import type { CreateUpstream, Upstream } from "./upstream.ts";

/** One kind: how its servers are read from `mcp.json`, and how their upstreams are made. */
export interface UpstreamKind extends ServerKind {
  readonly create: CreateUpstream<ServerConfig>;
}

/** The rows. An entry without a marker has the first form of the first kind. */
export type UpstreamKinds = readonly UpstreamKind[];

/** Makes the row of one kind; its forms read the configuration that `create` takes. */
export function defineKind<Config extends ServerConfig>(row: {
  readonly kind: Config["kind"];
  readonly forms: readonly ServerForm<OwnPart<Config>>[];
  readonly create: CreateUpstream<Config>;
}): UpstreamKind {
  return {
    ...row,
    create(config, deps) {
      if (isOfKind<Config>(config, row.kind)) return row.create(config, deps);
      throw new Error(
        `Cannot make a server of kind "${row.kind}" from a configuration of kind "${config.kind}"`,
      );
    },
  };
}

/** The table. */
export const upstreamKinds: UpstreamKinds = [
  defineKind<StdioServerConfig>({
    kind: "stdio",
    forms: [commandForm],
    create: createStdioUpstream,
  }),
  defineKind<HttpServerConfig>({ kind: "http", forms: [urlForm], create: createHttpUpstream }),
  defineKind<RestServerConfig>({
    kind: "rest",
    forms: [recipeForm, openApiForm],
    create: createRestUpstream,
  }),
  defineKind<FailedServerConfig>({ kind: "failed", forms: [], create: createFailedUpstream }),
];

/** Makes the upstream of a server. Throws a sentence when the table has no row for its kind. */
export function createUpstream(
  config: ServerConfig,
  deps: UpstreamDeps,
  kinds: UpstreamKinds = upstreamKinds,
): Upstream {
  const row = kinds.find(({ kind }) => kind === config.kind);
  if (row !== undefined) return row.create(config, deps);
  throw new Error(
    `Cannot use server ${JSON.stringify(config.name)}: unknown kind ${JSON.stringify(config.kind)}`,
  );
}
