/**
 * The latest calls, for the operator's page. Without a reader a call costs one small object. Arguments
 * are kept only while the operator wants to see them, cut and with secrets hidden.
 */
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { LogSink } from "../log.ts";
import type { JsonObject } from "../model.ts";
import { clientLine, oneLine } from "../one_line.ts";
import { sourceTextOf, textOfValue } from "../source_text.ts";
import type { CallEvent, CallStartedEvent } from "./call_events.ts";
import type { Events } from "./events.ts";

/** One call; `ms` and `outcome` are absent while it runs. */
export interface CallRow {
  /** Unique in this process. */
  readonly call: number;
  /** When it began (ISO 8601). */
  readonly at: string;
  readonly surface: string;
  /** The server that got it, if it is known. */
  readonly server?: string | undefined;
  readonly method: string;
  /** The name or URI of what is called, as the client wrote it, in one line. */
  readonly item?: string | undefined;
  /** Name and version of the client, in one line. */
  readonly client: string;
  readonly principal: string;
  readonly ms?: number | undefined;
  /** `ok`, `paused`, `tool_error`, or the code of the failure. */
  readonly outcome?: string | undefined;
  /** The size of the result as JSON; absent: it has none, or it would have to be written to know. */
  readonly chars?: number | undefined;
  /** A part of the arguments, if the operator wants to see them. */
  readonly arguments?: unknown;
}

/** The latest calls. */
export interface RecentCalls {
  /** The oldest first. */
  rows(): readonly CallRow[];
  readonly showsArguments: boolean;
  /** Keeps the arguments of calls from now on, or forgets all. */
  showArguments(shown: boolean): void;
  /** Calls `reader` when a call begins and when it ends, until the returned function is called. */
  read(reader: (call: NotedCall) => void): () => void;
  /** A call as a row. */
  toRow(call: NotedCall): CallRow;
}

/** A call as it is kept: what takes time to write is written when it is shown. */
export interface NotedCall {
  readonly call: number;
  readonly at: number;
  readonly surface: string;
  readonly method: string;
  readonly item: string | undefined;
  /** Bounded by `clientInfoBytesMax`. */
  readonly clientInfo: JsonObject;
  readonly principal: string;
  server: string | undefined;
  ms: number | undefined;
  outcome: string | undefined;
  chars: number | undefined;
  arguments: unknown;
}

/** What the list needs. */
export interface RecentCallsDeps {
  readonly events: Pick<Events, "read">;
  readonly clock: Pick<Clock, "wall">;
  readonly limits: Pick<
    Limits,
    "recentCallsMax" | "shownArgumentsCharsMax" | "logNameCharsMax" | "clientTitleCharsMax"
  >;
  readonly log: Pick<LogSink, "hide" | "toPlain">;
}

/** Follows the calls of a stream from now on. */
export function keepRecentCalls({ events, clock, limits, log }: RecentCallsDeps): RecentCalls {
  const callsMax = limits.recentCallsMax;
  /** By the number of the call, which counts up: each takes the place of the one long before. */
  const places: (NotedCall | undefined)[] = [];
  /** Calls that still run although another has their place. */
  const overtaken = new Map<number, NotedCall>();
  const all = (): NotedCall[] =>
    [...[...overtaken.values()].slice(-callsMax), ...places.filter((one) => one !== undefined)]
      .sort((one, other) => one.call - other.call);
  const readers = new Set<(call: NotedCall) => void>();
  let showsArguments = false;
  const begin = (event: CallStartedEvent): NotedCall => {
    const { call, surface, method, item, clientInfo, principal } = event;
    const noted: NotedCall = {
      call,
      at: clock.wall(),
      surface,
      method,
      item,
      clientInfo,
      principal,
      server: undefined,
      ms: undefined,
      outcome: undefined,
      chars: undefined,
      arguments: showsArguments
        ? log.toPlain(event.arguments, limits.shownArgumentsCharsMax)
        : undefined,
    };
    const place = call % callsMax;
    const before = places[place];
    if (before !== undefined && before.outcome === undefined) overtaken.set(before.call, before);
    places[place] = noted;
    return noted;
  };
  const end = (event: CallEvent): NotedCall | undefined => {
    const latest = places[event.call % callsMax];
    const noted = latest?.call === event.call ? latest : overtaken.get(event.call);
    if (noted === undefined) return undefined;
    if (noted !== latest) overtaken.delete(event.call);
    noted.server = event.server;
    noted.ms = event.ms;
    noted.outcome = event.outcome;
    noted.chars = sizeOf(event.result, readers.size > 0);
    return noted;
  };
  events.read((event) => {
    const noted = event.type === "call_started" ? begin(event) : end(event);
    if (noted !== undefined) { for (const read of readers) read(noted); }
  }, ["call_started", "call_ended"]);
  const short = (text: string) => oneLine(log.hide(text), limits.logNameCharsMax);
  const toRow = (noted: NotedCall): CallRow => ({
    call: noted.call,
    at: new Date(noted.at).toISOString(),
    surface: noted.surface,
    server: noted.server,
    method: noted.method,
    item: noted.item === undefined ? undefined : short(noted.item),
    client: log.hide(clientLine(noted.clientInfo, limits.clientTitleCharsMax)),
    principal: short(noted.principal),
    ms: noted.ms,
    outcome: noted.outcome,
    chars: noted.chars,
    arguments: noted.arguments,
  });
  return {
    rows: () => all().map(toRow),
    get showsArguments() {
      return showsArguments;
    },
    showArguments(shown) {
      showsArguments = shown;
      if (shown) return;
      for (const noted of [...all(), ...overtaken.values()]) noted.arguments = undefined;
    },
    read(reader) {
      readers.add(reader);
      return () => void readers.delete(reader);
    },
    toRow,
  };
}

/** The size of a result. Where nothing reads it, no result is written only to be measured. */
function sizeOf(result: JsonObject | undefined, isRead: boolean): number | undefined {
  if (result === undefined) return undefined;
  return (isRead ? textOfValue(result) : sourceTextOf(result))?.length;
}
