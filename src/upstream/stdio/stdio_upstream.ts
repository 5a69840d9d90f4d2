/**
 * The kind `stdio`: a local program, with one process for each scope that calls it or one for all.
 */
import type { StdioServerConfig } from "../../config/config.ts";
import { createPooledUpstream } from "../mcp/pooled_upstream.ts";
import { createSpare } from "./spare.ts";
import { createStdioConnector } from "./stdio_connector.ts";
import type { CreateUpstream } from "../upstream.ts";

/** Makes the upstream of one local program; nothing starts yet. */
export const createStdioUpstream: CreateUpstream<StdioServerConfig> = (config, deps) => {
  const { command, args, cwd, environment, childCredentials } = config;
  const spare = createSpare(config, deps);
  const upstream = createPooledUpstream({
    config,
    connector: createStdioConnector(config, deps, spare),
    processLimit: spare.processLimit,
    fingerprint: [command, args, cwd ?? null, environment, childCredentials ?? null],
    isRemote: false,
    used: spare.used,
  }, deps);
  return {
    ...upstream,
    async close() {
      await Promise.all([spare.close(), upstream.close()]);
    },
  };
};
