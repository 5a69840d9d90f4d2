/**
 * What the page knows of the gateway: the latest servers and sessions, the calls and log records of
 * late, within their bounds, and how the stream of events stands. Events and answers are merged
 * here; nothing here touches the document.
 */
import { bounds } from "./bounds.js";

/**
 * One server (GET /admin/servers).
 * @typedef {object} ServerReport
 * @property {string} name
 * @property {string} kind
 * @property {"file" | "registry" | "built-in"} source
 * @property {boolean} enabled
 * @property {string} [target]
 * @property {string} [url]
 * @property {string} state
 * @property {string} since
 * @property {string} [error]
 * @property {string} [lastError]
 * @property {number} restarts
 * @property {Record<string, number>} [restartReasons]
 * @property {string} [revision]
 * @property {{ readonly name: string, readonly version: string }} [serverInfo]
 * @property {number} [tools]
 * @property {number} [prompts]
 * @property {number} [resources]
 * @property {number} calls
 * @property {number} failures
 * @property {number} [medianMs]
 * @property {readonly (number | null)[]} [latencies] medians of the last minutes, oldest first
 * @property {number} [changedTools]
 * @property {{ readonly state: string, readonly problem?: string }} [login]
 */

/**
 * One session (GET /admin/sessions).
 * @typedef {object} SessionRow
 * @property {string} id
 * @property {string} surface
 * @property {{ readonly name?: string, readonly version?: string }} client
 * @property {string} revision
 * @property {string} principal
 * @property {string | number} createdAt
 * @property {string | number} lastActivityAt
 * @property {number} streams
 * @property {string} transport
 */

/**
 * One call (GET /admin/calls); without `ms` and `outcome` while it runs.
 * @typedef {object} CallRow
 * @property {number} call
 * @property {string | number} at
 * @property {string} surface
 * @property {string} [server]
 * @property {string} method
 * @property {string} [item]
 * @property {unknown} client
 * @property {string} principal
 * @property {number} [ms]
 * @property {string} [outcome]
 * @property {number} [chars]
 * @property {unknown} [arguments]
 */

/**
 * One record of the log (GET /admin/log).
 * @typedef {{ readonly time: string, readonly level: string, readonly source: string,
 *   readonly message: string, readonly [field: string]: unknown }} LogRecord
 */

/**
 * @typedef {object} GatewayStatus
 * @property {string} version
 * @property {string} [url]
 * @property {string} [runtime]
 * @property {number} [pid]
 * @property {string} [startedAt]
 * @property {string} [config]
 * @property {string} [data]
 * @property {readonly string[]} [auth]
 * @property {string} [adminUrl]
 * @property {readonly ServerReport[]} servers
 * @property {readonly InstanceRow[]} [instances] absent: there is one alone
 * @property {string} [instancesProblem] why they are not known
 */

/**
 * One instance of the gateway.
 * @typedef {object} InstanceRow
 * @property {string} name
 * @property {string} url
 * @property {boolean} isThis whether it is the one that shows the page
 * @property {boolean} isDraining
 * @property {number} startedAt
 * @property {number} owned sessions and calls that only it can go on with
 * @property {number} calls that run there
 */

/**
 * What a store holds; undefined: not fetched yet, null: this gateway does not have it.
 * @typedef {object} PageData
 * @property {GatewayStatus | undefined} status
 * @property {readonly ServerReport[] | undefined} servers
 * @property {readonly SessionRow[] | undefined | null} sessions
 * @property {readonly CallRow[] | undefined | null} calls
 * @property {boolean} showsArguments
 * @property {readonly LogRecord[] | undefined | null} log
 * @property {readonly ToolChange[] | undefined | null} changes
 * @property {readonly ProfileRow[] | undefined | null} profiles
 * @property {"opening" | "live" | "lost"} connection
 */

/**
 * A new, changed or removed tool (GET /admin/tools/changes).
 * @typedef {object} ToolChange
 * @property {string} id different for each definition of a tool
 * @property {string} server
 * @property {string} tool
 * @property {"new" | "changed" | "removed"} kind
 * @property {"warn" | "quarantine"} mode
 * @property {boolean} isWithheld
 * @property {string | number} seenAt
 * @property {boolean} [isCut] whether `after` is not the whole definition
 * @property {Readonly<Record<string, unknown>>} [before]
 * @property {Readonly<Record<string, unknown>>} [after]
 */

/**
 * A profile (GET /admin/profiles).
 * @typedef {object} ProfileRow
 * @property {string} name
 * @property {"file" | "registry"} source
 * @property {string} url
 * @property {unknown} entry
 * @property {string} [problem]
 */

/** @returns {PageData} */
export const emptyData = () => ({
  status: undefined,
  servers: undefined,
  sessions: undefined,
  calls: undefined,
  showsArguments: false,
  log: undefined,
  changes: undefined,
  profiles: undefined,
  connection: "opening",
});

/**
 * A list with one call more, or with a newer row of a call that is in it.
 * @param {readonly CallRow[]} calls
 * @param {CallRow} row
 * @returns {readonly CallRow[]}
 */
export function withCall(calls, row) {
  const index = calls.findLastIndex(({ call }) => call === row.call);
  if (index >= 0) {
    // The row of the start may come late, from the list that was fetched.
    const known = calls[index];
    return known?.outcome !== undefined && row.outcome === undefined
      ? calls
      : calls.with(index, { ...known, ...row });
  }
  return [...calls, row].slice(-bounds.callsMax);
}

/**
 * A list that was fetched, with what the stream brought meanwhile.
 * @param {readonly CallRow[]} fetched
 * @param {readonly CallRow[]} streamed
 */
export const mergedCalls = (fetched, streamed) =>
  streamed.reduce(withCall, fetched.slice(-bounds.callsMax));

/**
 * @param {readonly LogRecord[]} records
 * @param {LogRecord} record
 */
export const withRecord = (records, record) => [...records, record].slice(-bounds.recordsMax);

/**
 * A log that was fetched, with the records of the stream that are not in it yet.
 * @param {readonly LogRecord[]} fetched
 * @param {readonly LogRecord[]} streamed
 */
export function mergedLog(fetched, streamed) {
  const known = new Set(fetched.map((record) => JSON.stringify(record)));
  const missing = streamed.filter((record) => !known.has(JSON.stringify(record)));
  return [...fetched, ...missing].slice(-bounds.recordsMax);
}

/**
 * The data after an event of the stream; the same object if it changes nothing.
 * @param {PageData} data
 * @param {{ readonly type: string, readonly [key: string]: any }} event
 * @returns {PageData}
 */
export function withEvent(data, event) {
  switch (event.type) {
    case "servers":
      return Array.isArray(event["servers"]) ? { ...data, servers: event["servers"] } : data;
    case "sessions":
      return Array.isArray(event["sessions"]) ? { ...data, sessions: event["sessions"] } : data;
    case "call":
      return { ...data, calls: withCall(data.calls ?? [], event["call"]) };
    case "log":
      return { ...data, log: withRecord(data.log ?? [], event["record"]) };
    default:
      return data;
  }
}

/**
 * How many servers work, how many do not, and how many wait for a person.
 * @param {readonly ServerReport[]} servers
 */
export function tallyOf(servers) {
  const failing = servers.filter(({ state }) => failed.has(state)).length;
  const waiting = servers.filter(({ state }) => state === "needs_login").length;
  const disabled = servers.filter(({ state }) => state === "disabled").length;
  return { failing, waiting, disabled, working: servers.length - failing - waiting - disabled };
}

/** States in which a server cannot be used. */
export const failed = new Set(["failing", "crash_loop", "failed"]);
