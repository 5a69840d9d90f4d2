/** Requests of the handshake: bounded by the time a start may take, and never cancelled. */
import { GatewayError } from "../errors.ts";
import type { JsonObject } from "../model.ts";
import type { Link } from "./link.ts";

/** Makes such requests on a link. */
export function requestOf(
  link: Link,
  timeoutMs: number,
): (method: string, params: JsonObject) => Promise<JsonObject> {
  return (method, params) =>
    new Promise((resolve, reject) =>
      void link.request({
        method,
        params,
        wantsProgress: false,
        timeoutMs,
        cancellable: false,
        notice: () => false,
        end(ending) {
          if (ending.kind === "result") resolve(ending.value);
          else if (ending.kind === "failure") reject(ending.error);
          else reject(new GatewayError("bad_upstream_response"));
        },
      })
    );
}
