/**
 * Sessions as the engine's scripts take and return them: texts, and fields with their values in turn.
 * Not here: the scripts (redis_session_scripts.ts).
 */
import { subscriptionMark } from "./redis_session_scripts.ts";

/** What follows the kind in the name of a set: of one consumer, or of all. */
export function setOf(consumer: string | undefined): string {
  return consumer === undefined ? "" : `:${consumer}`;
}

/** A time as the engine takes it. */
export function toText(time: number): string {
  return Number.isFinite(time) ? String(time) : time > 0 ? "inf" : "-inf";
}

/** A time of the engine; undefined if there is none. */
export function toTime(text: string | undefined): number | undefined {
  return text === undefined || text === "" ? undefined : Number(text);
}

/** A list as the engine answers it. */
export function toTexts(reply: unknown): string[] {
  return Array.isArray(reply) ? reply.map(String) : [];
}

/** The columns as a row of a database has them. */
export function toColumns(fields: readonly (readonly [string, string])[]) {
  const columns: Record<string, string | number | null> = Object.fromEntries(fields);
  for (const name of ["created_at", "active_at"]) {
    if (columns[name] !== undefined) columns[name] = Number(columns[name]);
  }
  if (columns["log_level"] === "") columns["log_level"] = null;
  return columns;
}

/** The subscribed URIs, in their order. */
export function subscriptionsIn(fields: readonly (readonly [string, string])[]): string[] {
  return fields.filter(([name]) => name.startsWith(subscriptionMark))
    .sort(([, one], [, other]) => Number(one) - Number(other))
    .map(([name]) => name.slice(subscriptionMark.length));
}
