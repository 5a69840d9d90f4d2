/**
 * A record of the log as one line for people. A pipe, a service manager and a file get the whole time
 * and no colours; a terminal gets the time of its own zone, and marks that show what matters. Control
 * characters are escaped wherever the line goes (case H4). Not here: which values may appear.
 */
import { escapeUnseen } from "./unseen_characters.ts";

/** A record whose values may be shown. */
export type LogRecord = Readonly<Record<string, unknown>>;

/** What a part of a line is marked as. */
export type LineMark = "good" | "warn" | "bad" | "faint";

/** How lines look. */
export interface LineLook {
  /** A record's time, which is in UTC, as it is shown. */
  readonly time: (utc: string) => string;
  /** Marks a part, which has no control characters. */
  readonly mark: (mark: LineMark, text: string) => string;
}

/** The look without a terminal. */
const plain: LineLook = { time: (utc) => utc, mark: (_, text) => text };

/** The look of a terminal; `mark` adds colours or none, and `now` is in milliseconds since 1970. */
export function terminalLook(mark: LineLook["mark"], now: () => number): LineLook {
  return { mark, time: (utc) => localTime(utc, now()) };
}

const levelMarks: Readonly<Record<string, LineMark>> = {
  DEBUG: "faint",
  INFO: "good",
  WARN: "warn",
  ERROR: "bad",
};

/** A record as one line. */
export function toLine(record: LogRecord, { time: show, mark }: LineLook = plain): string {
  const { time, level, source, message, ...fields } = record;
  const name = String(level);
  const parts = [
    mark("faint", escapeUnseen(show(String(time)))),
    mark(levelMarks[name] ?? "faint", escapeUnseen(name.padEnd(levelChars))),
    escapeUnseen(String(source)),
    escapeUnseen(String(message)),
  ];
  const rest = Object.entries(fields).map(([key, value]) => toField(key, value));
  if (rest.length > 0) parts.push(mark("faint", escapeUnseen(rest.join(" "))));
  return parts.join(" ");
}

const levelChars = 5;

function toField(name: string, value: unknown): string {
  const bare = typeof value === "string" && /^[^\s"=]+$/.test(value);
  return `${name}=${bare ? value : JSON.stringify(value)}`;
}

/** The time of day, with the day before it unless that is today. */
function localTime(utc: string, now: number): string {
  const moment = new Date(utc);
  if (Number.isNaN(moment.getTime())) return utc;
  const [day, time] = [dayOf(moment), clockOf(moment)];
  return day === dayOf(new Date(now)) ? time : `${day} ${time}`;
}

const twoDigits = (part: number): string => String(part).padStart(2, "0");

function dayOf(moment: Date): string {
  return [moment.getFullYear(), moment.getMonth() + 1, moment.getDate()].map(twoDigits).join("-");
}

function clockOf(moment: Date): string {
  return [moment.getHours(), moment.getMinutes(), moment.getSeconds()].map(twoDigits).join(":");
}
