/**
 * Serves what a gateway has for the other instances. Its port is one that no system gives away by
 * itself: when an instance is gone, its port must refuse, and not reach a server of another test.
 */
import type { GatewayHandle } from "../../src/app.ts";
import type { Listener, Runtime } from "../../src/runtime/runtime.ts";
import { freePort } from "./free_port.ts";

/** Opens the internal address of `gateway`; the listener is the caller's to close. */
export async function openInternal(
  gateway: GatewayHandle,
  runtime: Pick<Runtime, "serve">,
): Promise<Listener> {
  const { internal } = gateway;
  if (internal === undefined) throw new Error("The gateway has no internal address");
  const listener = await runtime.serve({
    hostname: "127.0.0.1",
    port: await freePort(),
    listener: "fast",
    fetch: internal.fetch,
  });
  await internal.open(`http://127.0.0.1:${listener.port}`);
  return listener;
}
