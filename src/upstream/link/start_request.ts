/** The first messages on a link: bounded by the time that a start may take, and never cancelled. */
import { GatewayError } from "../../errors.ts";
import type { JsonObject } from "../../model.ts";
import type { Link } from "./link.ts";
import type { Dialect, HandshakeResult } from "./dialect.ts";

/** Makes requests that belong to the handshake. */
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

/** Sends the handshake; messages after its answer wait until `settle` has taken the result. */
export async function handshakeOn(
  link: Link,
  { dialect, capabilities, clientTitle, timeoutMs, settle }: {
    readonly dialect: Dialect;
    readonly capabilities: JsonObject;
    readonly clientTitle: string | undefined;
    readonly timeoutMs: number;
    readonly settle: (result: HandshakeResult) => void;
  },
): Promise<HandshakeResult> {
  const rest: (() => void)[] = [];
  const result = await dialect.handshake({
    request: requestOf(link, timeoutMs),
    notify: (method, params) => void rest.push(() => link.notify(method, params)),
    capabilities,
    clientTitle,
  });
  settle(result);
  for (const say of rest) say();
  return result;
}
