/** The kinds of upstreams: a new kind is one file, one row here, and the contract suite. */
import type { ServerConfig } from "../config/config.ts";
import type { UpstreamDeps } from "./deps.ts";
import { createFailedUpstream } from "./failed_upstream.ts";
import { createHttpUpstream } from "./http/http_upstream.ts";
import { createRestUpstream } from "./rest/rest_upstream.ts";
import { createStdioUpstream } from "./stdio/stdio_upstream.ts";
import type { CreateUpstream, Upstream } from "./upstream.ts";

type Kinds = {
  readonly [Kind in ServerConfig["kind"]]: CreateUpstream<Extract<ServerConfig, { kind: Kind }>>;
};

const kinds: Kinds = {
  stdio: createStdioUpstream,
  http: createHttpUpstream,
  rest: createRestUpstream,
  failed: createFailedUpstream,
};

/** Makes upstreams of every kind. */
export const upstreamKinds = {
  create(config: ServerConfig, deps: UpstreamDeps): Upstream {
    switch (config.kind) {
      case "stdio":
        return kinds.stdio(config, deps);
      case "http":
        return kinds.http(config, deps);
      case "rest":
        return kinds.rest(config, deps);
      case "failed":
        return kinds.failed(config, deps);
    }
  },
};
