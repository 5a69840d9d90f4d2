/** Links to a remote server over HTTP. */
import type { HttpServerConfig } from "../../config/config.ts";
import type { UpstreamDeps } from "../deps.ts";
import type { Connector } from "../link.ts";

/** Makes the connector of one remote server; nothing is opened yet. */
export function createHttpConnector(config: HttpServerConfig, _deps: UpstreamDeps): Connector {
  return {
    ownsQuestions: true,
    connect: () =>
      Promise.resolve({
        fault: { reason: `"${config.url}" cannot be reached yet`, permanent: true, refused: [] },
      }),
  };
}
