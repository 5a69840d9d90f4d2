/**
 * The list of connected clients for the operator: the sessions in memory, and the clients without a
 * session that made a request a short time ago. No id of a session is in it.
 */
import type { Limits } from "../limits.ts";
import type { JsonObject } from "../model.ts";
import { oneLine } from "../one_line.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { beginning } from "../excerpt.ts";
import type { Sessions } from "./legacy/session_table.ts";
import type { StatelessRequests } from "./modern/requests.ts";

/** One connected client. */
export interface SessionReport {
  /** The same for one session as long as it lives; it grants nothing. */
  readonly id: string;
  readonly surface: string;
  /** As it names itself. */
  readonly client: { readonly name: string; readonly version: string };
  readonly revision: string;
  readonly principal: string;
  /** ISO 8601, as is `lastActivityAt`. */
  readonly createdAt: string;
  readonly lastActivityAt: string;
  /** Open streams for notifications. */
  readonly streams: number;
  readonly transport: "streamable" | "sse" | "stateless";
}

/** Where the clients are. */
export interface ConnectedClients {
  readonly sessions: Sessions;
  readonly stateless: StatelessRequests;
}

/** What is listed, and how. */
export interface SessionReportParts extends ConnectedClients, Pick<Runtime, "sha256"> {
  readonly limits: Limits;
  /** Replaces the secrets in a text. */
  readonly hide: (text: string) => string;
}

/** A report before its texts are made. */
interface ListedClient {
  readonly key: string;
  readonly surface: string;
  readonly clientInfo: JsonObject;
  readonly revision: string;
  readonly principal: string;
  readonly createdAt: number;
  readonly activeAt: number;
  readonly streams: number;
  readonly transport: SessionReport["transport"];
}

const idChars = 12;

/** The latest active clients, the latest first. */
export function reportSessions(parts: SessionReportParts): readonly SessionReport[] {
  const { limits } = parts;
  return [...sessionsOf(parts), ...statelessOf(parts)]
    .sort((one, other) => other.activeAt - one.activeAt)
    .slice(0, limits.shownSessionsMax)
    .map((client) => toReport(client, parts));
}

function sessionsOf({ sessions }: SessionReportParts): ListedClient[] {
  return [...sessions.byKey.values()].map((session) => ({
    key: session.key,
    surface: session.surface,
    clientInfo: session.caller.clientInfo,
    revision: session.revision,
    principal: session.caller.principal.id,
    createdAt: session.createdAt,
    activeAt: session.activeAt,
    streams: session.madeStreams?.standalone.open.length ?? 0,
    transport: session.isStored ? "streamable" : "sse",
  }));
}

function statelessOf({ stateless, limits }: SessionReportParts): ListedClient[] {
  const streams = new Map<string, number>();
  for (const listen of stateless.listens) {
    const key = stateless.clients.keyOf(listen, listen.surface);
    streams.set(key, (streams.get(key) ?? 0) + 1);
  }
  return stateless.clients.recent(limits.shownStatelessMs).map((client) => ({
    ...client,
    streams: streams.get(client.key) ?? 0,
    transport: "stateless",
  }));
}

function toReport(client: ListedClient, parts: SessionReportParts): SessionReport {
  const { limits, hide, sha256 } = parts;
  const { surface, clientInfo, revision, principal, streams, transport } = client;
  const short = (text: unknown, charsMax: number) =>
    oneLine(hide(typeof text === "string" ? text : ""), charsMax);
  return {
    id: beginning(sha256(client.key), idChars),
    surface,
    client: {
      name: short(clientInfo.name, limits.clientTitleCharsMax),
      version: short(clientInfo.version, limits.clientTitleCharsMax),
    },
    revision,
    principal: short(principal, limits.logNameCharsMax),
    createdAt: new Date(client.createdAt).toISOString(),
    lastActivityAt: new Date(client.activeAt).toISOString(),
    streams,
    transport,
  };
}
