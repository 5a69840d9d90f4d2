/**
 * Converts a session to a row of the table `sessions` and back. A row is checked in full when it is
 * read, since it may come from an older version, a manual edit or a damaged disk. Not here:
 * statements.
 */
import { consumerOf } from "../consumers.ts";
import { isJsonObject } from "../json.ts";
import { type LogLevel, logLevels } from "../model.ts";
import type { SqlValue } from "../runtime/runtime.ts";
import type { SessionRecord } from "../session/session_store.ts";

/** The values of a record in the order of the table's columns. */
export function toRow(record: SessionRecord): SqlValue[] {
  return [
    record.key,
    record.surface,
    record.principal,
    record.revision,
    JSON.stringify(record.clientInfo),
    JSON.stringify(record.capabilities),
    record.logLevel,
    record.createdAt,
    record.activeAt,
    record.owner,
    record.consumer,
  ];
}

/**
 * The record of a row and its subscriptions; undefined when a column is not what `toRow` writes.
 */
export function toRecord(
  row: Readonly<Record<string, SqlValue>>,
  subscriptions: readonly string[],
): SessionRecord | undefined {
  const { key, surface, principal, revision, owner, consumer } = row;
  const { created_at: createdAt, active_at: activeAt } = row;
  if (typeof key !== "string" || typeof surface !== "string") return undefined;
  if (typeof principal !== "string" || typeof revision !== "string") return undefined;
  if (typeof owner !== "string" || typeof consumer !== "string") return undefined;
  if (typeof createdAt !== "number" || typeof activeAt !== "number") return undefined;
  const clientInfo = parse(row["client_info"]);
  const capabilities = parse(row["capabilities"]);
  const logLevel = row["log_level"] ?? null;
  if (!isJsonObject(clientInfo) || !isJsonObject(capabilities)) return undefined;
  if (logLevel !== null && !isLogLevel(logLevel)) return undefined;
  return {
    key,
    surface,
    principal,
    consumer: storedConsumer(consumer, principal),
    revision,
    clientInfo,
    capabilities,
    logLevel,
    subscriptions,
    createdAt,
    activeAt,
    owner,
  };
}

/** The consumer in a row; an older gateway stored none. */
export function consumerIn(row: Record<string, SqlValue>): string {
  return storedConsumer(String(row["consumer"]), String(row["principal"]));
}

function storedConsumer(consumer: string, principal: string): string {
  return consumer === "" ? consumerOf({ principal: { id: principal } }) : consumer;
}

/** The value of a JSON text; undefined if it is invalid. */
function parse(text: SqlValue | undefined): unknown {
  if (typeof text !== "string") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isLogLevel(value: SqlValue): value is LogLevel {
  return logLevels.some((level) => level === value);
}
