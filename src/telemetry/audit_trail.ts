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

/** A record that waits to be written: a line, or the parts of one. */
type AuditLine = string | CallRecord;

/** The record of a call before it is a line. */
interface CallRecord {
  /** In milliseconds since 1970. */
  readonly at: number;
  readonly call: number;
  /** The members that many calls have alike. */
  readonly head: string;
  readonly ms: number;
  readonly resultChars: number | undefined;
  /** The arguments as canonical JSON, of which the line gets the digest; undefined: it has `end`. */
  readonly given: string | undefined;
  /** The member for the arguments, with the comma before it; "": there are none. */
  readonly end: string;
}

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
  /** A time as ISO 8601. */
  readonly time: (ms: number) => string;
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
  const time = createTimes();
  const queue = createLineQueue<AuditLine>({
    file,
    clock,
    toLine: (line) => typeof line === "string" ? line : toLine(recorder, line),
    linesMax: limits.auditRecordsMax,
    batchCharsMax: limits.lineBatchCharsMax,
    gatherMs: limits.auditGatherMs,
    stopMs: limits.stopMs,
    toLost: (lost) => `{"time":"${time(clock.wall())}","event":"records_lost","lost":${lost}}`,
    onLoss: () => log.error("Cannot write all audit records: the disk does not take them in time"),
  });
  const instance = options.quote(options.instance);
  const { auditTextsMax: headsMax, auditTextCharsMax: charsMax } = limits;
  const headOf = createRecordHeads({ ...options, headsMax, charsMax });
  const recorder: Recorder = { options, queue, time, instance, headOf };
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
  gave_way(recorder, { what, principal, server }) {
    write(recorder, "gave_way", { principal, server, what });
  },
} as const satisfies { readonly [Type in EventType]?: WriteRecord<Type> };

/** Adds a record of these members, in their order. */
function write(
  { options: { quote, clock }, queue, time, instance }: Recorder,
  event: string,
  members: Readonly<Record<string, Member>>,
): void {
  let line = `{"time":"${time(clock.wall())}","event":"${event}","instance":${instance}`;
  for (const [name, value] of Object.entries(members)) {
    if (value === undefined) continue;
    line += `,"${name}":${typeof value === "number" ? value : quote(value)}`;
  }
  queue.push(`${line}}`);
}

/**
 * Adds the record of a call. Its line is made later, since every call has one: the same work for many
 * in a row is cheaper. Why a call failed is in the log: the words of a server may repeat arguments.
 */
function writeCall({ options, queue, headOf }: Recorder, event: CallEvent): void {
  const { clock, showsArguments, digest, toJson, limits } = options;
  const { call, ms, result, arguments: args } = event;
  const given = args === undefined || showsArguments ? undefined : toCanonicalJson(args);
  // Long arguments do not wait, so that the queue stays small.
  const isLong = given !== undefined && given.length > limits.auditTextCharsMax;
  queue.push({
    at: clock.wall(),
    call,
    head: headOf(event),
    ms,
    resultChars: result === undefined ? undefined : textOfValue(result).length,
    given: isLong ? undefined : given,
    end: isLong
      ? toDigestMember(digest(given))
      : args === undefined || !showsArguments
      ? ""
      : `,"arguments":${toJson(args, limits.auditArgumentsCharsMax)}`,
  });
}

const toDigestMember = (digest: string): string => `,"argumentsDigest":"${digest}"`;

/** The line of a call. */
function toLine({ options: { digest }, time, instance }: Recorder, record: CallRecord): string {
  const { at, call, head, ms, resultChars, given, end } = record;
  const size = resultChars === undefined ? "" : `,"resultChars":${resultChars}`;
  return `{"time":"${time(at)}","event":"call","instance":${instance},"call":${call},${head},` +
    `"ms":${ms}${size}${given === undefined ? end : toDigestMember(digest(given))}}`;
}

/** Makes the function that writes times, of which most differ in their milliseconds alone. */
function createTimes(): (ms: number) => string {
  let second = NaN;
  let text = "";
  return (ms) => {
    const whole = Math.floor(ms / msPerSecond);
    if (whole !== second) {
      second = whole;
      text = new Date(whole * msPerSecond).toISOString().slice(0, -"000Z".length);
    }
    return `${text}${String(Math.floor(ms) - whole * msPerSecond).padStart(3, "0")}Z`;
  };
}
