/** Numbers, times and ages as texts. */

/**
 * A time of a call: "12 ms", "1.4 s", "2 min 5 s".
 * @param {number | null | undefined} ms
 */
export function duration(ms) {
  if (ms === undefined || ms === null) return "";
  if (ms < 9.5) return `${ms < 0.95 ? ms.toFixed(2) : ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)} s`;
  return age(ms);
}

/** The largest unit first, each with the next smaller one. */
const units = /** @type {const} */ ([
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
]);

/**
 * How long something lasts, in at most two units: "3 d 4 h", "12 s".
 * @param {number} ms
 */
export function age(ms) {
  const at = units.findIndex(([, size]) => ms >= size);
  if (at < 0) return "0 s";
  const [name, size] = units[at] ?? ["s", 1_000];
  const count = Math.floor(ms / size);
  const smaller = units[at + 1];
  const rest = smaller === undefined ? 0 : Math.floor((ms - count * size) / smaller[1]);
  return rest === 0 || smaller === undefined
    ? `${count} ${name}`
    : `${count} ${name} ${rest} ${smaller[0]}`;
}

/**
 * How long ago a time was, in one unit: "now", "12 s", "4 min".
 * @param {string | number | undefined} time ISO 8601, or milliseconds since 1970
 * @param {number} now milliseconds since 1970
 */
export function since(time, now) {
  const at = instant(time);
  if (at === undefined) return "";
  const ms = now - at;
  const [name, size] = units.find(([, unit]) => ms >= unit) ?? ["", 0];
  return size === 0 ? "now" : `${Math.floor(ms / size)} ${name}`;
}

/** @param {string | number | undefined} time */
function instant(time) {
  if (time === undefined) return undefined;
  const at = typeof time === "number" ? time : Date.parse(time);
  return Number.isNaN(at) ? undefined : at;
}

/**
 * The local time of day with seconds; with the date unless it is today.
 * @param {string | number | undefined} time
 * @param {number} now
 */
export function clock(time, now) {
  const at = instant(time);
  if (at === undefined) return "";
  const date = new Date(at);
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  const day = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  if (date.toDateString() === new Date(now).toDateString()) return day;
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${day}`;
}

/**
 * Date and time in full, for a tooltip.
 * @param {string | number | undefined} time
 */
export function fullTime(time) {
  const at = instant(time);
  return at === undefined ? "" : new Date(at).toString();
}

/**
 * A count with its word: "1 tool", "2 tools", "1,204 calls".
 * @param {number} value
 * @param {string} word
 */
export const count = (value, word) => `${number(value)} ${word}${value === 1 ? "" : "s"}`;

/**
 * A number with thousands apart, the same in every locale.
 * @param {number} value
 */
export const number = (value) => String(value).replace(/\B(?=(?:\d{3})+$)/g, ",");

/**
 * A size of a text in characters, or of data in bytes: "812", "4.1k", "2.0M".
 * @param {number | undefined} chars
 */
export function size(chars) {
  if (chars === undefined) return "";
  if (chars < 999.5) return String(Math.round(chars));
  if (chars < 999_500) return `${(chars / 1_000).toFixed(chars < 99_950 ? 1 : 0)}k`;
  return `${(chars / 1_000_000).toFixed(1)}M`;
}

/** What each reason of a restart is called. @type {Record<string, string>} */
const restartWords = {
  exited: "after it ended",
  hung: "after it hung",
  start_failed: "after a failed start",
  command: "by command",
};

/**
 * How often a server was started again, and why.
 * @param {{ restarts: number, restartReasons?: Record<string, number> }} server
 */
export function restartsText({ restarts, restartReasons = {} }) {
  const why = Object.entries(restartReasons).filter(([, count]) => count > 0)
    .map(([reason, count]) => `${number(count)} ${restartWords[reason] ?? reason}`);
  return [number(restarts), ...why].join(" · ");
}
