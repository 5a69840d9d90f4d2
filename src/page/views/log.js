/**
 * The log as it is written, newest at the end: the view follows it while its end is in sight, and
 * stands still when it is paused or the person reads further up.
 */
import { bounds } from "../bounds.js";
import { count } from "../format.js";
import { clockTime, emptyState, hint, loading, said } from "../page.js";
import { html, live, nothing, repeat } from "../vendor/lit-html.js";

/** @import { Page, View } from "../page.js" */
/** @import { Route } from "../router.js" */
/** @import { LogRecord } from "../state.js" */

/** From the least to the most important. */
const levels = ["debug", "info", "warning", "error"];
/** Names that mean one of them. @type {Readonly<Record<string, string>>} */
const sameLevel = { warn: "warning", critical: "error", fatal: "error" };
/** @type {Readonly<Record<string, string>>} */
const tones = { debug: "idle", info: "info", warning: "warn", error: "bad" };

/**
 * @typedef {object} LogState
 * @property {string} level
 * @property {string} source
 * @property {string} text
 * @property {readonly LogRecord[] | undefined} paused what was there when it was paused
 * @property {boolean} follows whether the end is in sight
 */

/**
 * @param {Page} page
 * @param {Route} route
 * @returns {View}
 */
export function openLog(page, route) {
  /** @type {LogState} */
  const state = { level: "", source: "", text: "", paused: undefined, follows: true };
  const follow = (/** @type {Route} */ { params }) => {
    state.text = params["text"] ?? state.text;
  };
  follow(route);
  return {
    title: () => "Log",
    follow,
    drawn() {
      const list = document.getElementById("log-lines");
      if (list !== null && state.follows) list.scrollTop = list.scrollHeight;
    },
    show() {
      const { log } = page.data();
      const records = state.paused ?? log ?? [];
      const found = records.filter((record) => matches(record, state));
      return html`
        <div class="head"><div><h1 tabindex="-1">Log</h1>
          <p class="summary">${log === undefined || log === null
            ? nothing
            : summary(state, records, found, log)}</p></div>
          ${pauseButton(page, state)}</div>
        ${filters(page, state, records)}
        ${log === undefined || log === null
          ? loading()
          : found.length === 0
          ? nothingFound(records)
          : lines(page, state, found)}
      `;
    },
  };
}

/**
 * @param {LogState} state
 * @param {readonly LogRecord[]} records
 * @param {readonly LogRecord[]} found
 * @param {readonly LogRecord[]} all
 */
function summary({ paused }, records, found, all) {
  if (records.length === 0) return nothing;
  const shown = found.length === records.length
    ? `The latest ${count(records.length, "line")}`
    : `${found.length} of the latest ${count(records.length, "line")}`;
  if (paused === undefined) return shown;
  const last = paused.at(-1);
  const at = last === undefined ? -1 : all.lastIndexOf(last);
  const missed = all.length - 1 - at;
  return `${shown} · paused${missed > 0 ? `, ${count(missed, "new line")}` : ""}`;
}

/**
 * @param {Page} page
 * @param {LogState} state
 */
function pauseButton(page, state) {
  const isPaused = state.paused !== undefined;
  const toggle = () => {
    state.paused = isPaused ? undefined : page.data().log ?? [];
    state.follows = true;
    page.redraw();
  };
  return html`<button type="button" aria-pressed=${isPaused} @click=${toggle}>${
    isPaused ? "Go on" : "Pause"
  }</button>`;
}

/** @param {readonly LogRecord[]} records */
const nothingFound = (records) =>
  records.length === 0
    ? emptyState("Nothing is logged yet", "Lines appear here as the gateway writes them.")
    : emptyState("No line matches", "Clear the filters to see all of them.");

/**
 * @param {Page} page
 * @param {LogState} state
 * @param {readonly LogRecord[]} records
 */
function filters(page, state, records) {
  const sources = new Set(records.map(({ source }) => source));
  if (state.source !== "") sources.add(state.source);
  const set =
    (/** @type {"level" | "source" | "text"} */ key) => (/** @type {any} */ { target }) => {
      state[key] = target.value;
      state.follows = true;
      page.redraw();
    };
  return html`
    <div class="filters" role="search">
      <label><span class="unshown">Level</span><select .value=${live(state.level)} @change=${set(
        "level",
      )}>
          <option value="">All levels</option>
          ${levels.slice(1).map((level) =>
            html`<option value=${level}>${level} and above</option>`
          )}
        </select></label>
      <label><span class="unshown">Source</span><select .value=${live(state.source)} @change=${set(
        "source",
      )}>
          <option value="">All sources</option>
          ${[...sources].sort().slice(0, bounds.rowsMax).map((source) =>
            html`<option value=${source} ?selected=${source === state.source}>${
              hint(source)
            }</option>`
          )}
        </select></label>
      <input type="search" aria-label="Filter the log by text" placeholder="Text"
        .value=${live(state.text)} @input=${set("text")} />
    </div>
  `;
}

/** @param {LogRecord} record */
function levelOf({ level }) {
  const name = String(level).toLowerCase();
  return sameLevel[name] ?? name;
}

/**
 * @param {LogRecord} record
 * @param {LogState} state
 */
function matches(record, { level, source, text }) {
  if (level !== "" && levels.indexOf(levelOf(record)) < levels.indexOf(level)) return false;
  if (source !== "" && record.source !== source) return false;
  const wanted = text.trim().toLowerCase();
  return wanted === "" || textOf(record).toLowerCase().includes(wanted);
}

/** @param {LogRecord} record */
const textOf = (record) => `${record.source} ${record.message} ${fieldsOf(record)}`;

/** @param {LogRecord} record */
function fieldsOf({ time: _time, level: _level, source: _source, message: _message, ...fields }) {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join("  ");
}

/** Keys for `repeat`: records have no number. */
/** @type {WeakMap<LogRecord, number>} */
const keys = new WeakMap();
let lastKey = 0;

/** @param {LogRecord} record */
function keyOf(record) {
  const known = keys.get(record);
  if (known !== undefined) return known;
  keys.set(record, lastKey += 1);
  return lastKey;
}

/**
 * @param {Page} page
 * @param {LogState} state
 * @param {readonly LogRecord[]} records
 */
function lines(page, state, records) {
  const scrolled = (/** @type {any} */ { target }) => {
    state.follows = target.scrollHeight - target.scrollTop - target.clientHeight < nearEnd;
  };
  return html`
    <div class="log" id="log-lines" role="region" aria-label="Lines of the log" tabindex="0"
      @scroll=${scrolled}>
      <ol>${repeat(records, keyOf, (record) => {
        const level = levelOf(record);
        const fields = fieldsOf(record);
        return html`<li>
        ${clockTime(page, record.time)}
        <span class="level ${tones[level] ?? "idle"}">${said(level, 12)}</span>
        <span class="source">${said(record.source, 60)}</span>
        <span class="message">${said(record.message, bounds.textCharsMax)}${
          fields === "" ? nothing : html`
            <span class="fields">${said(fields, bounds.textCharsMax)}</span>
          `
        }</span></li>`;
      })}</ol>
    </div>
  `;
}

/** So many pixels from the end still count as the end. */
const nearEnd = 40;
