/** The calls as they happen, newest first: what was called, by which client, how it ended. */
import { count, duration, size } from "../format.js";
import { jsonView } from "../json_view.js";
import { attempt, clockTime, emptyState, hint, loading, said } from "../page.js";
import { cell, row, table, twoLines } from "../table.js";
import { html, live, nothing, repeat } from "../vendor/lit-html.js";

/** @import { Page, View } from "../page.js" */
/** @import { Route } from "../router.js" */
/** @import { CallRow } from "../state.js" */

/** What can be asked for of an outcome. */
const outcomes = {
  "": "Any outcome",
  running: "Running",
  ok: "Succeeded",
  failed: "Failed",
};

/** @typedef {{ server: string, outcome: string, text: string }} CallFilter */

/**
 * @param {Page} page
 * @param {Route} route
 * @returns {View}
 */
export function openCalls(page, route) {
  /** @type {CallFilter} */
  const filter = { server: "", outcome: "", text: "" };
  /** Calls whose arguments are unfolded. @type {Set<number>} */
  const unfolded = new Set();
  const follow = (/** @type {Route} */ { params }) => {
    filter.server = params["server"] ?? filter.server;
  };
  follow(route);
  return {
    title: () => "Calls",
    follow,
    show() {
      const { calls, showsArguments } = page.data();
      const show = (/** @type {CallRow} */ call) =>
        callRow(page, call, showsArguments ? argumentsView(page, call, unfolded) : nothing);
      const found = (calls ?? []).filter((call) => matches(call, filter)).reverse();
      return html`
        <div class="head">
          <div><h1 tabindex="-1">Calls</h1>
            <p class="summary">${calls === undefined || calls === null
              ? nothing
              : summary(calls, found)}</p></div>
          ${argumentsSwitch(page, showsArguments)}
        </div>
        ${filters(page, filter, calls ?? [])}
        ${calls === undefined || calls === null
          ? loading()
          : found.length === 0
          ? nothingFound(calls)
          : table(columns, repeat(found, ({ call }) => call, show), "dense")}
      `;
    },
  };
}

/**
 * @param {readonly CallRow[]} calls
 * @param {readonly CallRow[]} found
 */
function summary(calls, found) {
  if (calls.length === 0) return nothing;
  const running = calls.filter(({ outcome }) => outcome === undefined).length;
  const shown = found.length === calls.length
    ? `The latest ${count(calls.length, "call")}`
    : `${found.length} of the latest ${count(calls.length, "call")}`;
  return `${shown}${running === 0 ? "" : ` · ${running} running`}`;
}

/** @param {readonly CallRow[]} calls */
const nothingFound = (calls) =>
  calls.length === 0
    ? emptyState("No call yet", "Calls of all clients appear here while they run.")
    : emptyState("No call matches", "Clear the filters to see all of them.");

/**
 * The operator's switch: whether the gateway shows arguments at all.
 * @param {Page} page
 * @param {boolean} isOn
 */
function argumentsSwitch(page, isOn) {
  const change = () =>
    attempt(page, async () => {
      await page.api.call("PUT", "/admin/calls/arguments", { shown: !isOn });
      await page.load("calls");
      return isOn ? "Arguments are hidden again" : "Arguments of calls from now on are shown";
    });
  return html`<label class="switch"><input type="checkbox" role="switch"
      .checked=${live(isOn)} @change=${change} />
    <span>Show arguments</span></label>`;
}

/**
 * @param {Page} page
 * @param {CallFilter} filter
 * @param {readonly CallRow[]} calls
 */
function filters(page, filter, calls) {
  const names = new Set([
    ...(page.data().servers ?? []).map(({ name }) => name),
    ...calls.flatMap(({ server }) => server ?? []),
    ...(filter.server === "" ? [] : [filter.server]),
  ]);
  const set = (/** @type {keyof CallFilter} */ key) => (/** @type {any} */ { target }) => {
    filter[key] = target.value;
    page.redraw();
  };
  return html`
    <div class="filters" role="search">
      <label><span class="unshown">Server</span>
          <select .value=${live(filter.server)} @change=${set("server")}>
            <option value="">All servers</option>
            ${[...names].sort().map((name) =>
              html`<option value=${name} ?selected=${name === filter.server}>${hint(name)}</option>`
            )}
          </select></label>
      <label><span class="unshown">Outcome</span>
          <select @change=${set("outcome")}>${Object.entries(outcomes).map(([value, title]) =>
            html`<option value=${value}>${title}</option>`
          )}</select></label>
      <input type="search" aria-label="Filter calls by text" placeholder="Name, client, principal"
        .value=${live(filter.text)} @input=${set("text")} />
    </div>
  `;
}

/**
 * @param {CallRow} call
 * @param {CallFilter} filter
 */
function matches(call, { server, outcome, text }) {
  if (server !== "" && call.server !== server) return false;
  if (outcome !== "" && kindOf(call) !== outcome) return false;
  const wanted = text.trim().toLowerCase();
  const texts = [call.method, call.item, call.server, clientOf(call), call.principal, call.outcome];
  return wanted === "" || texts.some((one) => one?.toLowerCase().includes(wanted) === true);
}

/** @param {CallRow} call */
function kindOf({ outcome }) {
  if (outcome === undefined) return "running";
  return outcome === "ok" || outcome === "paused" ? "ok" : "failed";
}

/** @param {CallRow} call */
function clientOf({ client }) {
  if (typeof client === "string") return client;
  const { name, version } = /** @type {{ name?: string, version?: string }} */ (client ?? {});
  return [name, version].filter((word) => word !== undefined).join(" ");
}

/** @type {readonly import("../table.js").Column[]} */
const columns = [
  ["Time", ""],
  ["Called", ""],
  ["Server", ""],
  ["Client", ""],
  ["Outcome", ""],
  ["Took", "right"],
  ["Size", "right"],
];

/** @type {Readonly<Record<string, string>>} */
const tones = { running: "busy", ok: "ok", failed: "bad" };

/**
 * @param {Page} page
 * @param {CallRow} call
 * @param {unknown} args what is shown of its arguments
 */
function callRow(page, call, args) {
  const { item, method, outcome, server, surface, principal, ms, chars } = call;
  const words = outcome === undefined ? "running" : said(outcome.replaceAll("_", " "), 40);
  const name = html`<span class="name">${said(item ?? method, 120)}</span>`;
  return row([
    cell("time", clockTime(page, call.at)),
    cell("most", [twoLines(name, item === undefined ? nothing : said(method, 60)), args]),
    cell("", twoLines(said(server ?? "–", 60), said(surface, 60))),
    cell("", twoLines(said(clientOf(call) || "unnamed", 60), said(principal, 60))),
    cell("action", html`<span class="state ${tones[kindOf(call)] ?? "idle"}">${words}</span>`),
    cell("right mono meta", duration(ms) || "…"),
    cell("right mono meta", html`<span title=${sizeWords(chars)}>${size(chars)}</span>`),
  ]);
}

/** @param {number | undefined} chars */
const sizeWords = (chars) => chars === undefined ? "" : count(chars, "character");

/**
 * The arguments of a call on one line, which unfolds.
 * @param {Page} page
 * @param {CallRow} call
 * @param {Set<number>} unfolded
 */
function argumentsView(page, { call, arguments: args }, unfolded) {
  if (args === undefined) return nothing;
  const isOpen = unfolded.has(call);
  const toggle = (/** @type {any} */ { target }) => {
    if (target.open === isOpen) return;
    if (target.open) unfolded.add(call);
    else unfolded.delete(call);
    page.redraw();
  };
  return html`
    <details class="arguments" ?open=${isOpen} @toggle=${toggle}>
      <summary>${said(JSON.stringify(args), 120)}</summary>
      ${isOpen ? jsonView(page, args) : nothing}
    </details>
  `;
}
