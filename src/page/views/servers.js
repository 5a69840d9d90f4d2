/** The list of servers: state, what they offer, how often they were called, and how fast. */
import { openAddServer } from "../add_server.js";
import { bounds } from "../bounds.js";
import { latencyChart } from "../chart.js";
import { count, duration, number } from "../format.js";
import { ago, emptyState, hint, loading, said, stateBadge } from "../page.js";
import { linkTo } from "../router.js";
import { mainAction } from "../server_actions.js";
import { tallyOf } from "../state.js";
import { cell, row, rowHead, table } from "../table.js";
import { html, nothing, repeat } from "../vendor/lit-html.js";

/** @import { Page, View } from "../page.js" */
/** @import { ServerReport } from "../state.js" */

/**
 * @param {Page} page
 * @returns {View}
 */
export function openServers(page) {
  let filter = "";
  const change = (/** @type {any} */ { target }) => {
    filter = target.value;
    page.redraw();
  };
  return {
    title: () => "Servers",
    show() {
      const { servers } = page.data();
      return html`
        <div class="head">
          <div><h1 tabindex="-1">Servers</h1>${servers === undefined
            ? nothing
            : tally(servers)}</div>
          <div class="tools">
            <input type="search" class="filter" aria-label="Filter servers by name or program"
              placeholder="Filter" .value=${filter} @input=${change} />
            <button type="button" class="primary" @click=${() => openAddServer(page)}>
              Add server</button>
          </div>
        </div>
        ${servers === undefined ? loading() : list(page, servers, filter)}
      `;
    },
  };
}

/** @param {readonly ServerReport[]} servers */
function tally(servers) {
  if (servers.length === 0) return nothing;
  const { working, failing, waiting, disabled } = tallyOf(servers);
  const words = [
    count(servers.length, "server"),
    `${working} working`,
    ...(failing > 0 ? [`${failing} failing`] : []),
    ...(waiting > 0 ? [`${waiting} waiting for a log-in`] : []),
    ...(disabled > 0 ? [`${disabled} disabled`] : []),
  ];
  return html`<p class="summary">${words.join(" · ")}</p>`;
}

/**
 * @param {Page} page
 * @param {readonly ServerReport[]} servers
 * @param {string} filter
 */
function list(page, servers, filter) {
  if (servers.length === 0) {
    return emptyState(
      "No server yet",
      html`Add one here, or write it into <code>mcp.json</code>:
      the gateway reads the file again when it changes.`,
    );
  }
  const wanted = filter.trim().toLowerCase();
  const found = servers.filter(({ name, target, url }) =>
    [name, target, url].some((text) => text?.toLowerCase().includes(wanted) === true)
  );
  if (found.length === 0) {
    return emptyState("No server matches", html`Clear the filter to see all of them.`);
  }
  const shown = found.slice(0, bounds.rowsMax);
  return table(
    columns,
    repeat(shown, ({ name }) => name, (server) => serverRow(page, server)),
    "fixed",
  );
}

/** @type {readonly import("../table.js").Column[]} */
const columns = [
  ["Server", ""],
  ["State", "w-state"],
  ["Offers", "w-offers"],
  ["Calls", "w-number right"],
  ["Latency", "w-latency right"],
  ["Restarts", "w-number right"],
  ["Action", "w-action right"],
];

/**
 * @param {Page} page
 * @param {ServerReport} server
 */
function serverRow(page, server) {
  const { name, kind, target, url, restarts, calls, failures, latencies, medianMs } = server;
  const program = [...(kind === "stdio" ? [] : [kind]), url ?? target ?? ""].join(" · ");
  const callsLink = html`
    <a href=${linkTo(["calls"], { server: name })}
      aria-label="${number(calls)} calls of ${hint(name)}">${number(calls)}</a>
  `;
  const failed = failures === 0
    ? nothing
    : html`<span class="sub bad">${number(failures)} failed</span>`;
  const chart = latencyChart(latencies, { width: 96, height: 22 });
  return row([
    rowHead("most", [
      html`<a class="name" href=${linkTo(["servers", name])}>${said(name)}</a>`,
      html`<span class="sub target" title=${hint(program)}>${said(program, 160)}</span>`,
    ]),
    cell("", stateLines(page, server)),
    cell("aside", offers(server)),
    cell("right third", [callsLink, failed], "Calls"),
    cell(
      "right third",
      html`<span class="latency">${chart}<span class="mono">${
        duration(medianMs) || "–"
      }</span></span>`,
      "Latency",
    ),
    cell("right third", number(restarts), "Restarts"),
    cell("right action", mainAction(page, server)),
  ]);
}

/**
 * The state, and below it what a person has to know or to do.
 * @param {Page} page
 * @param {ServerReport} server
 */
function stateLines(page, server) {
  const { name, state, since, error, lastError, login, changedTools = 0 } = server;
  const needsLogin = state === "needs_login" || login?.state === "needs_login";
  return [
    html`<span>${stateBadge(state)} <span class="muted">${ago(page, since)}</span></span>`,
    error === undefined || lastError === undefined
      ? nothing
      : html`<span class="sub bad" title=${hint(lastError)}>${said(lastError, 120)}</span>`,
    needsLogin
      ? html`<span class="sub">Run <code>mcp-wrapper auth login ${said(name)}</code></span>`
      : nothing,
    changedTools === 0
      ? nothing
      : html`<a class="sub" href=${linkTo(["changes"])}>${count(changedTools, "changed tool")}</a>`,
  ];
}

/** @param {ServerReport} server */
function offers({ tools, prompts, resources }) {
  const parts = [
    tools === undefined ? "" : count(tools, "tool"),
    prompts === undefined || prompts === 0 ? "" : count(prompts, "prompt"),
    resources === undefined || resources === 0 ? "" : count(resources, "resource"),
  ].filter((part) => part !== "");
  return parts.length === 0 ? html`<span class="muted">not known yet</span>` : parts.join(", ");
}
