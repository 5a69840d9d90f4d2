/**
 * The kind `http`: a remote server, a session there for each of ours, or none where it keeps none.
 */
import type { HttpServerConfig } from "../../config/config.ts";
import type { ConnectionLimit } from "../deps.ts";
import { createHttpConnector } from "./http_connector.ts";
import { createPooledUpstream } from "../mcp/pooled_upstream.ts";
import type { CreateUpstream } from "../upstream.ts";

/**
 * Nothing is started for a remote server; its connections are bounded by the sessions they serve.
 */
const noCeiling: ConnectionLimit = {
  acquire: () => Promise.resolve({ started: () => {}, release: () => {} }),
  refusal: () => undefined,
  changed: () => {},
  hasRoom: () => true,
};

/** Makes the upstream of one remote server; nothing is opened yet. */
export const createHttpUpstream: CreateUpstream<HttpServerConfig> = (config, deps) => {
  const { name, url, headers, credentials, transport, oauth } = config;
  return createPooledUpstream({
    config,
    connector: createHttpConnector(config, deps),
    processLimit: noCeiling,
    fingerprint: [url, headers, credentials, transport],
    isRemote: true,
    logins: oauth && {
      isPerPrincipal: oauth.grant === "each",
      watch: (listener) =>
        deps.grants.watch((change) => {
          if (change.server === name) listener(change);
        }),
    },
  }, deps);
};
