/** The kind `stdio`: a local program, a process for each scope that calls it or one for all. */
import type { StdioServerConfig } from "../config/config.ts";
import { createLanedUpstream } from "./laned.ts";
import { createStdioConnector } from "./stdio_connector.ts";
import type { CreateUpstream } from "./upstream.ts";

/** Makes the upstream of one local program; nothing is started yet. */
export const createStdioUpstream: CreateUpstream<StdioServerConfig> = (config, deps) => {
  const { command, args, cwd, environment, childCredentials } = config;
  return createLanedUpstream({
    config,
    connector: createStdioConnector(config, deps),
    budget: deps.budget,
    fingerprint: [command, args, cwd ?? null, environment, childCredentials ?? null],
    livesAlone: false,
  }, deps);
};
