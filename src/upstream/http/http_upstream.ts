/** The kind `http`: a remote server, a session there for each of ours, or none where it keeps none. */
import type { HttpServerConfig } from "../../config/config.ts";
import type { LaneBudget } from "../deps.ts";
import { createHttpConnector } from "./http_connector.ts";
import { createLanedUpstream } from "../mcp/pooled_upstream.ts";
import type { CreateUpstream } from "../upstream.ts";

/** Nothing is started for a remote server; its lanes are bounded by the sessions they serve. */
const noCeiling: LaneBudget = {
  acquire: () => Promise.resolve({ started: () => {}, release: () => {} }),
  hasRoom: () => true,
};

/** Makes the upstream of one remote server; nothing is opened yet. */
export const createHttpUpstream: CreateUpstream<HttpServerConfig> = (config, deps) => {
  const { url, headers, credentials, transport } = config;
  return createLanedUpstream({
    config,
    connector: createHttpConnector(config, deps),
    budget: noCeiling,
    fingerprint: [url, headers, credentials, transport],
    livesAlone: true,
  }, deps);
};
