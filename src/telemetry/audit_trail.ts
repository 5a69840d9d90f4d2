/**
 * The audit trail: one JSON object a line for each call, with who called what and how it ended, for
 * each change by the operator, and for each step of a log-in that changed what someone may do. Secrets
 * are hidden as in the log. Arguments are a keyed digest, by which equal ones can be recognised and
 * none can be guessed, unless the operator wants to read them. Lines wait in a bounded queue
 * (line_queue.ts): what the disk does not take in time is counted and reported, and delays no call.
 */
import type { Clock } from "../clock.ts";
import { toCanonicalJson } from "../json.ts";
import { type Limits, msPerSecond } from "../limits.ts";
import { createLineQueue, type LineQueue, type LineQueueOptions } from "../line_queue.ts";
import type { Log } from "../log.ts";
import { textOfValue } from "../source_text.ts";
import type { OAuthStep } from "./access_events.ts";
import type { CallEvent } from "./call_events.ts";
import type { Events, EventType, GatewayEvent } from "./events.ts";
import { createRecordHeads } from "./record_heads.ts";

/** What an audit trail is made from. */
export interface AuditOptions extends Pick<LineQueueOptions<AuditLine>, "file"> {
  readonly events: Pick<Events, "read">;
  readonly clock: Clock;
  readonly limits: Pick<
    Limits,
    | "auditRecordsMax"
    | "auditGatherMs"
    | "auditArgumentsCharsMax"
    | "auditTextCharsMax"
    | "auditTextsMax"
    | "lineBatchCharsMax"
    | "stopMs"
  >;
  /** The name of this instance. */
  readonly instance: string;
  /** Whether arguments are shown, without their secrets, or only their digest. */
  readonly showsArguments: boolean;
  /** Keyed digest of a text. */
  readonly digest: (text: string) => string;
  /** A text as a JSON string without secrets, shortened. */
  readonly quote: (text: string) => string;
  /** Changes whenever another secret is hidden. */
  readonly secretsKnown: () => number;
  /** A value as JSON without secrets; one that is too long is the beginning of its text. */
  readonly toJson: (value: unknown, charsMax: number) => string;
  /** Says that records are lost. */
  readonly log: Log;
}

/** A record that waits: a line, or one that lacks the digest of these arguments and its end. */
type AuditLine = string | { readonly before: string; readonly given: string };

/** A running audit trail. */
export interface Audit {
  /** The records that wait for the file, and those that were lost. */
  counts(): ReturnType<LineQueue<AuditLine>["counts"]>;
  /** Writes what waits, within the stop time. */
  close(): Promise<void>;
}

/** A member of a record: text is quoted, numbers are not; undefined: the record has none. */
type Member = string | number | undefined;

/** Makes one record. */
interface Recorder {
  readonly options: AuditOptions;
  readonly queue: LineQueue<AuditLine>;
  readonly now: () => string;
  /** The name of the instance as a JSON string. */
  readonly instance: string;
  /** The members of a call's record that many have alike. */
  readonly headOf: (event: CallEvent) => string;
}

type WriteRecord<Type extends EventType> = (
  recorder: Recorder,
  event: Extract<GatewayEvent, { readonly type: Type }>,
) => void;

/** Begins to record. */
export function startAudit(options: AuditOptions): Audit {
  const { events, clock, limits, log, file } = options;
  const now = createTimes(clock);
  const queue = createLineQueue<AuditLine>({
    file,
    clock,
    toLine: (line) =>
      typeof line === "string" ? line : `${line.before}"${options.digest(line.given)}"}`,
    linesMax: limits.auditRecordsMax,
    batchCharsMax: limits.lineBatchCharsMax,
    gatherMs: limits.auditGatherMs,
    stopMs: limits.stopMs,
    toLost: (lost) => `{"time":"${now()}","event":"records_lost","lost":${lost}}`,
    onLoss: () => log.error("Cannot write all audit records: the disk does not take them in time"),
  });
  const instance = options.quote(options.instance);
  const { auditTextsMax: headsMax, auditTextCharsMax: charsMax } = limits;
  const headOf = createRecordHeads({ ...options, headsMax, charsMax });
  const recorder: Recorder = { options, queue, now, instance, headOf };
  const types = Object.keys(writers) as (keyof typeof writers)[];
  const stop = events.read((event) => {
    const write = writers[event.type as keyof typeof writers] as WriteRecord<EventType>;
    write(recorder, event);
  }, types);
  return {
    counts: queue.counts,
    async close() {
      stop();
      await queue.close();
    },
  };
}

/** The steps of a client that change what it may do; anyone can cause the others at will. */
const telling: ReadonlySet<OAuthStep> = new Set([
  "registered",
  "code_issued",
  "denied",
  "code_redeemed",
  "code_replayed",
  "refreshed",
  "refresh_repeated",
  "refresh_replayed",
  "machine_token",
  "assertion_token",
  "revoked",
]);

/** What each event becomes. */
const writers = {
  call_ended: writeCall,
  call_refused(recorder, { surface, method, principal, failure }) {
    const { server, item, client, code: outcome } = failure;
    write(recorder, "call_refused", { principal, client, surface, method, server, item, outcome });
  },
  operator_change(recorder, { role, method, path, name, principal }) {
    write(recorder, "operator_change", { role, method, path, name, principal });
  },
  oauth_step(recorder, { step, principal, client, surface, reason }) {
    if (!telling.has(step)) return;
    write(recorder, "oauth_step", { step, principal, client, surface, reason });
  },
  grant_step(recorder, { step, principal, server, issuer, scopes, reason }) {
    const scope = scopes?.join(" ");
    write(recorder, "grant_step", { step, principal, server, issuer, scope, reason });
  },
  rate_limited(recorder, { principal, rate: limit, isRepeated }) {
    if (!isRepeated) write(recorder, "rate_limited", { principal, limit });
  },
} as const satisfies { readonly [Type in EventType]?: WriteRecord<Type> };

/** Adds a record of these members, in their order. */
function write(
  { options: { quote }, queue, now, instance }: Recorder,
  event: string,
  members: Readonly<Record<string, Member>>,
): void {
  let line = `{"time":"${now()}","event":"${event}","instance":${instance}`;
  for (const [name, value] of Object.entries(members)) {
    if (value === undefined) continue;
    line += `,"${name}":${typeof value === "number" ? value : quote(value)}`;
  }
  queue.push(`${line}}`);
}

/**
 * Adds the record of a call. By hand, because every call has one. Why it failed is in the log: the
 * words of a server may repeat its arguments.
 */
function writeCall(recorder: Recorder, event: CallEvent): void {
  const { options, queue, now, instance, headOf } = recorder;
  const { showsArguments, digest, toJson, limits } = options;
  const { call, ms, result, arguments: given } = event;
  const size = result === undefined ? "" : `,"resultChars":${textOfValue(result).length}`;
  const line =
    `{"time":"${now()}","event":"call","instance":${instance},"call":${call},${headOf(event)},` +
    `"ms":${ms}${size}`;
  if (given === undefined) return queue.push(`${line}}`);
  if (showsArguments) {
    return queue.push(`${line},"arguments":${toJson(given, limits.auditArgumentsCharsMax)}}`);
  }
  const text = toCanonicalJson(given);
  const before = `${line},"argumentsDigest":`;
  // Long arguments do not wait, so that the queue stays small.
  const isLong = text.length > limits.auditTextCharsMax;
  queue.push(isLong ? `${before}"${digest(text)}"}` : { before, given: text });
}

/** The time as ISO 8601, of which only the milliseconds are written each time. */
function createTimes(clock: Clock): () => string {
  let second = NaN;
  let text = "";
  return () => {
    const ms = clock.wall();
    const whole = Math.floor(ms / msPerSecond);
    if (whole !== second) {
      second = whole;
      text = new Date(whole * msPerSecond).toISOString().slice(0, -"000Z".length);
    }
    return `${text}${String(Math.floor(ms) - whole * msPerSecond).padStart(3, "0")}Z`;
  };
}
