/**
 * `/health` and `/ready`: is the gateway well, does it take new work. Small, without secrets and
 * open to everybody whom the guard lets in; details are for the log.
 */
import type { Clock } from "../clock.ts";
import type { Gateway, GatewayStatus } from "../gateway/surface.ts";
import type { Log } from "../log.ts";
import { jsonResponse, logFault } from "./respond.ts";

/** Where the handler is in its life. */
export type Phase = "starting" | "ready" | "draining";

/** What the two answers are made from. */
export interface HealthDeps {
  readonly gateway: Pick<Gateway, "status">;
  readonly clock: Clock;
  readonly log: Log;
}

/** 200 `healthy`, 503 `unhealthy` (stopping, or no configured server can run), 500 `error`. */
export function healthResponse(phase: Phase, { gateway, clock, log }: HealthDeps): Response {
  const timestamp = new Date(clock.wall()).toISOString();
  try {
    const { servers } = gateway.status();
    const degraded = servers.filter((server) => isDown(server) || server.status.isDegraded === true)
      .map(({ name }) => name);
    const isDead = servers.length > 0 && servers.every(isDown);
    const isHealthy = phase !== "draining" && !isDead;
    const body = {
      status: isHealthy ? "healthy" : "unhealthy",
      timestamp,
      servers_running: servers.filter(({ status }) => status.state === "running").length,
      ...(degraded.length > 0 && { degraded }),
    };
    return jsonResponse(JSON.stringify(body), isHealthy ? 200 : 503);
  } catch (thrown) {
    logFault(log, "Cannot tell the health of the servers", thrown);
    return jsonResponse(JSON.stringify({ status: "error", timestamp }), 500);
  }
}

/** 200 while new work is taken, 503 while starting or draining. */
export function readyResponse(phase: Phase): Response {
  return jsonResponse(JSON.stringify({ status: phase }), phase === "ready" ? 200 : 503);
}

function isDown({ status }: GatewayStatus["servers"][number]): boolean {
  return status.state === "failed" || status.state === "crash_loop";
}
