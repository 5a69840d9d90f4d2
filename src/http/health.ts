/**
 * `/health` and `/ready`: whether the gateway works and whether it takes new work. Responses are
 * small, hold no secrets and are open to every request that passes the guard. Where clients
 * authenticate, they name no server. Reasons in words are only for the operator, who sends the token from the data directory (RFC 6750, the Authorization
 * header).
 */
import type { Authenticator } from "../auth/authenticator.ts";
import { bearerToken, isSameToken } from "../auth/bearer.ts";
import type { Clock } from "../clock.ts";
import { toShownState } from "../gateway/server_report.ts";
import type { Gateway, GatewayStatus } from "../gateway/surface.ts";
import type { Log } from "../log.ts";
import { jsonResponse, logFault } from "./respond.ts";

/** Where the handler is in its life. */
export type Phase =
  | "starting"
  | "ready"
  /** It serves what comes, hands its sessions over, and wants no new clients. */
  | "leaving"
  | "draining";

/** What the two answers are made from. */
export interface HealthDeps {
  readonly gateway: Pick<Gateway, "status">;
  readonly authenticator: Pick<Authenticator, "letsAllIn">;
  readonly clock: Clock;
  readonly log: Log;
  /** Opens the details; absent: there are none. */
  readonly operatorToken?: string | undefined;
  /**
   * What does not work of the storage, for everyone, and its cause, for the operator; absent, or
   * undefined, while everything works.
   */
  readonly storageProblem?:
    | (() => Promise<{ readonly effect: string; readonly cause: string } | undefined>)
    | undefined;
  /** Whether what stores sessions has been away for long. Absent: never. */
  readonly isStorageAway?: (() => boolean) | undefined;
  /** How often a server was started again, for the operator. Absent: it is not known. */
  readonly restartsOf?: ((server: string) => number) | undefined;
}

/** What the rest of the gateway tells of itself. */
export type HealthReports = Pick<HealthDeps, "storageProblem" | "isStorageAway" | "restartsOf">;

type ServerStatus = GatewayStatus["servers"][number];

/**
 * 200 `healthy`, 200 `degraded` (the storage works only in part, with the reason: a restart would not
 * help, and would end what works), 503 `unhealthy` (stopping, or every configured server has
 * failed), 500 `error`.
 */
export async function healthResponse(
  phase: Phase,
  deps: HealthDeps,
  request: Pick<Request, "headers">,
): Promise<Response> {
  const { gateway, clock, log } = deps;
  const timestamp = new Date(clock.wall()).toISOString();
  try {
    const { servers } = gateway.status();
    const isOperator = await showsToken(request.headers, deps.operatorToken);
    const isDraining = phase === "draining";
    const isUnhealthy = isDraining || (servers.length > 0 && servers.every(hasFailed));
    const reason = isDraining ? "draining" : reasonOf(await deps.storageProblem?.(), isOperator);
    const body = {
      status: isUnhealthy ? "unhealthy" : reason === undefined ? "healthy" : "degraded",
      ...(reason !== undefined && { reason }),
      timestamp,
      ...(isOperator || deps.authenticator.letsAllIn === true
        ? namedServers(servers, isOperator, deps)
        : countedServers(servers)),
    };
    return jsonResponse(JSON.stringify(body), isUnhealthy ? 503 : 200);
  } catch (thrown) {
    logFault(log, "Cannot tell the health of the servers", thrown);
    return jsonResponse(JSON.stringify({ status: "error", timestamp }), 500);
  }
}

function namedServers(
  servers: readonly ServerStatus[],
  isOperator: boolean,
  { restartsOf }: Pick<HealthDeps, "restartsOf">,
) {
  return {
    servers_running: servers.filter(isRunning).length,
    ...namesOf("degraded", servers.filter(isDegraded)),
    ...namesOf("starting", servers.filter(isStarting)),
    servers: servers.map((server) => ({
      ...describe(server, isOperator),
      ...(isOperator && restartsOf !== undefined && { restarts: restartsOf(server.name) }),
    })),
  };
}

/** Where clients authenticate, which servers exist is not for others. */
function countedServers(servers: readonly ServerStatus[]) {
  return {
    servers_configured: servers.length,
    servers_running: servers.filter(isRunning).length,
    servers_degraded: servers.filter(isDegraded).length,
    servers_starting: servers.filter(isStarting).length,
  };
}

function isRunning({ status }: ServerStatus): boolean {
  return status.state === "running";
}

function reasonOf(
  problem: { readonly effect: string; readonly cause: string } | undefined,
  isOperator: boolean,
): string | undefined {
  return isOperator && problem !== undefined
    ? `${problem.effect} (${problem.cause})`
    : problem?.effect;
}

/** 200 while new work is taken, 503 while starting, draining, or without what stores sessions. */
export function readyResponse(phase: Phase, isStorageAway: boolean): Response {
  if (phase !== "ready") return jsonResponse(JSON.stringify({ status: phase }), 503);
  if (isStorageAway) return jsonResponse(JSON.stringify({ status: "storage_unavailable" }), 503);
  return jsonResponse(JSON.stringify({ status: phase }), 200);
}

/** Whether a request carries the operator's token. */
async function showsToken(headers: Headers, token: string | undefined): Promise<boolean> {
  const shown = bearerToken(headers);
  return token !== undefined && shown !== undefined && await isSameToken(token, shown);
}

function describe(server: ServerStatus, isOperator: boolean) {
  const { name, status: { since, error, problem, tools } } = server;
  return {
    name,
    state: toShownState(server),
    since: new Date(since).toISOString(),
    ...(error !== undefined && { error }),
    ...(isOperator && problem !== undefined && { lastError: problem }),
    ...(isOperator && tools !== undefined && { tools }),
  };
}

function namesOf(key: string, servers: readonly ServerStatus[]): Record<string, string[]> {
  return servers.length === 0 ? {} : { [key]: servers.map(({ name }) => name) };
}

function isDegraded({ status }: ServerStatus): boolean {
  return status.error !== undefined;
}

function isStarting({ status, isQueued }: ServerStatus): boolean {
  return status.error === undefined && (isQueued || status.state === "starting");
}

/** A server that waits for a person's log-in is none: the gateway works, and no restart helps. */
const failedStates: ReadonlySet<string> = new Set(["failing", "crash_loop", "failed"]);

function hasFailed({ status }: ServerStatus): boolean {
  return failedStates.has(status.state);
}
