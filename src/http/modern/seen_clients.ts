/**
 * Remembers which stateless clients have made requests. Such a client opens no session, so the log
 * reports its first request, and its first one after a long silence, and the operator sees those of
 * the last minutes. Bounded: the oldest entries are dropped first.
 */
import { putWithin } from "../../bounded.ts";
import type { Clock } from "../../clock.ts";
import { beginning } from "../../excerpt.ts";
import type { Limits } from "../../limits.ts";
import type { Caller, JsonObject } from "../../model.ts";
import { clientLine } from "../../one_line.ts";
import type { Emit } from "../../telemetry/events.ts";

/** What a client is known by. */
export type ClientTraits = Pick<Caller, "clientInfo" | "revision" | "principal">;

/** A client of one principal on one surface. */
export interface SeenClient {
  readonly key: string;
  readonly surface: string;
  readonly clientInfo: JsonObject;
  readonly revision: string;
  readonly principal: string;
  /** Its first request, or its first one after a silence (milliseconds since 1970). */
  readonly createdAt: number;
  readonly activeAt: number;
}

/** The same with the times of the monotonic clock, which never jumps. */
type SeenRow = { -readonly [Member in keyof SeenClient]: SeenClient[Member] };

/** The clients that have been here. */
export interface SeenClients {
  /** Notes a request. */
  note(caller: Caller, surface: string): void;
  /** Those whose last request is not older than this. */
  recent(withinMs: number): readonly SeenClient[];
  /** The key of a client on a surface. */
  keyOf(client: ClientTraits, surface: string): string;
}

/** Makes an empty register. */
export function createSeenClients(
  { clock, limits, emit }: {
    readonly clock: Clock;
    readonly limits: Limits;
    readonly emit: Emit;
  },
): SeenClients {
  const seen = new Map<string, { at: number }>();
  /** Made once for each caller: the requests of a client share one (requests.ts). */
  const keys = new WeakMap<Caller, string>();
  const { clientTitleCharsMax: charsMax, seenClientsMax, seenClientMs } = limits;
  const short = (text: unknown): string =>
    typeof text === "string" ? beginning(text, charsMax) : "";
  const nameOf = ({ clientInfo, revision }: ClientTraits): string =>
    `${short(clientInfo.name)}\n${short(clientInfo.version)}\n${revision}`;
  const keyOf = (client: ClientTraits, surface: string): string =>
    `${nameOf(client)}\n${client.principal.id}\n${surface}`;
  /** By `keyOf`. */
  const rows = new Map<string, SeenRow>();
  const lastRows = new WeakMap<Caller, SeenRow>();
  const noteRow = (caller: Caller, surface: string): void => {
    const now = clock.monotonic();
    const last = lastRows.get(caller);
    const row = last?.surface === surface && rows.get(last.key) === last
      ? last
      : rowOf(caller, surface, now);
    if (now - row.activeAt > limits.shownStatelessMs) row.createdAt = now;
    row.activeAt = now;
  };
  const rowOf = (caller: Caller, surface: string, now: number): SeenRow => {
    const key = keyOf(caller, surface);
    const { clientInfo, revision, principal: { id: principal } } = caller;
    const row = rows.get(key) ??
      { key, surface, clientInfo, revision, principal, createdAt: now, activeAt: now };
    putWithin(rows, key, row, seenClientsMax);
    lastRows.set(caller, row);
    return row;
  };
  return {
    keyOf,
    recent(withinMs) {
      const since = clock.monotonic() - withinMs;
      const toWall = (at: number): number => Math.round(clock.wall() + at - clock.monotonic());
      return [...rows.values()].filter(({ activeAt }) => activeAt >= since).map((row) => ({
        ...row,
        createdAt: toWall(row.createdAt),
        activeAt: toWall(row.activeAt),
      }));
    },
    note(caller, surface) {
      noteRow(caller, surface);
      const { clientInfo, revision } = caller;
      const key = keys.get(caller) ?? nameOf(caller);
      keys.set(caller, key);
      const now = clock.monotonic();
      const known = seen.get(key);
      if (known !== undefined && now - known.at < seenClientMs) return void (known.at = now);
      seen.delete(key);
      seen.set(key, { at: now });
      for (const oldest of seen.keys()) {
        if (seen.size <= seenClientsMax) break;
        seen.delete(oldest);
      }
      const client = clientLine(clientInfo, charsMax);
      emit({ type: "client_connected", surface, client, revision });
    },
  };
}
