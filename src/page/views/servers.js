/** The list of servers: state, what they offer, how often they were called, and how fast. */
import { openAddServer } from "../add_server.js";
import { bounds } from "../bounds.js";
import { latencyChart } from "../chart.js";
import { count, duration, number } from "../format.js";
import { ago, emptyState, hint, loading, said, stateBadge } from "../page.js";
import { linkTo } from "../router.js";
import { serverActions } from "../server_actions.js";
import { tallyOf } from "../state.js";
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
          <div><h1 tabindex="-1">Servers</h1>${servers === undefined ? nothing : tally(servers)}</div>
          <div class="tools">
            <input type="search" class="filter" aria-label="Filter servers by name or program"
              placeholder="Filter" .value=${filter} @input=${change} />
            <button type="button" class="primary" @click=${() => openAddServer(page)}>
              Add server</button>
          </div>
        </div>
        ${servers === undefined ? loading() : list(page, servers, filter)}`;
    },
  };
}

/** @param {readonly ServerReport[]} servers */
function tally(servers) {
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
    return emptyState("No server yet", html`Add one here, or write it into <code>mcp.json</code>:
      the gateway reads the file again when it changes.`);
  }
  const wanted = filter.trim().toLowerCase();
  const found = servers.filter(({ name, target, url }) =>
    [name, target, url].some((text) => text?.toLowerCase().includes(wanted) === true)
  );
  if (found.length === 0) {
    return emptyState("No server matches", html`Clear the filter to see all of them.`);
  }
  const columns = ["Server", "State", "Offers", "Calls", "Latency", "Restarts", ""];
  return html`<table class="rows cards" role="table">
    <thead role="rowgroup"><tr role="row">${
    columns.map((title, index) =>
      html`<th role="columnheader" scope="col" class=${index >= 3 && index < 6 ? "right" : ""}>${
        title === "" ? html`<span class="unshown">Actions</span>` : title
      }</th>`
    )
  }</tr></thead>
    <tbody role="rowgroup">${
    repeat(found.slice(0, bounds.rowsMax), ({ name }) => name, (server) => row(page, server))
  }</tbody>
  </table>`;
}

/**
 * @param {Page} page
 * @param {ServerReport} server
 */
function row(page, server) {
  const { name, kind, target, url, state, since, error, lastError, restarts, calls } = server;
  const isWrong = error !== undefined && lastError !== undefined;
  return html`<tr role="row">
    <th role="rowheader" scope="row">
      <a class="name" href=${linkTo(["servers", name])}>${said(name)}</a>
      <span class="sub" title=${hint(url ?? target)}>${kind === "stdio" ? "" : `${kind} · `}${
    said(url ?? target ?? "", 80)
  }</span>
    </th>
    <td role="cell" data-label="State">
      <span>${stateBadge(state)} <span class="muted">${ago(page, since)}</span></span>
      ${isWrong ? html`<span class="sub bad" title=${hint(lastError)}>${said(lastError, 120)}</span>` : nothing}
      ${server.login?.state === "needs_login" || state === "needs_login"
        ? html`<span class="sub">Run <code>mcp-wrapper auth login ${said(name)}</code></span>`
        : nothing}
      ${(server.changedTools ?? 0) > 0
        ? html`<a class="sub" href=${linkTo(["changes"])}>${count(server.changedTools ?? 0, "changed tool")}</a>`
        : nothing}
    </td>
    <td role="cell" data-label="Offers">${offers(server)}</td>
    <td role="cell" data-label="Calls" class="right">
      <a href=${linkTo(["calls"], { server: name })} aria-label="Calls of ${hint(name)}">${number(calls)}</a>
      ${server.failures > 0 ? html`<span class="sub bad">${number(server.failures)} failed</span>` : nothing}
    </td>
    <td role="cell" data-label="Latency" class="right">
      <span class="latency">${latencyChart(server.latencies, { width: 96, height: 22 })}
        <span class="mono">${duration(server.medianMs) || "–"}</span></span>
    </td>
    <td role="cell" data-label="Restarts" class="right">${number(restarts)}</td>
    <td role="cell" class="right">${serverActions(page, server)}</td>
  </tr>`;
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
