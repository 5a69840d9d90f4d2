/**
 * One server: its state and facts, what can be done with it, and what it offers, each to be tried.
 * `#/servers/NAME/tools/TOOL` names what is open.
 */
import { bounds } from "../bounds.js";
import { latencyChart } from "../chart.js";
import { count, duration, number, restartsText } from "../format.js";
import { detailsOf } from "../item_details.js";
import { createMcp } from "../mcp.js";
import { ago, emptyState, hint, loading, longText, said, stateBadge } from "../page.js";
import { linkTo } from "../router.js";
import { serverActions } from "../server_actions.js";
import { createItems } from "../server_items.js";
import { failureView } from "../trial.js";
import { html, nothing, repeat } from "../vendor/lit-html.js";

/** @import { Details, ItemParts } from "../item_details.js" */
/** @import { JsonObject } from "../mcp.js" */
/** @import { Page, View } from "../page.js" */
/** @import { Route } from "../router.js" */
/** @import { ListName } from "../server_items.js" */
/** @import { ServerReport } from "../state.js" */

/** The lists, their titles, and the member that names an item. */
/** @type {Readonly<Record<ListName, readonly [title: string, id: string]>>} */
const lists = {
  tools: ["Tools", "name"],
  prompts: ["Prompts", "name"],
  resources: ["Resources", "uri"],
  templates: ["Templates", "uriTemplate"],
};

/**
 * @typedef {object} ServerState
 * @property {ItemParts} parts
 * @property {ListName} list which is shown
 * @property {string | undefined} itemId which item of it is open
 * @property {string} filter
 * @property {Details | undefined} details
 */

/**
 * @param {Page} page
 * @param {Route} route
 * @returns {View}
 */
export function openServer(page, route) {
  const name = route.parts[1] ?? "";
  const mcp = createMcp(page.api.send, name, () => page.data().status?.version ?? "unknown");
  /** @type {ServerState} */
  const state = {
    parts: {
      page,
      mcp,
      server: name,
      items: createItems(mcp, page.redraw),
      read: (uri) => page.go(["servers", name, "resources", uri]),
    },
    list: "tools",
    itemId: undefined,
    filter: "",
    details: undefined,
  };
  const follow = (/** @type {Route} */ { parts }) => {
    const [, , list = "tools", itemId] = parts;
    const next = list in lists ? /** @type {ListName} */ (list) : "tools";
    if (next !== state.list) state.filter = "";
    if (next !== state.list || itemId !== state.itemId) closeDetails(state);
    Object.assign(state, { list: next, itemId });
  };
  follow(route);
  return {
    title: () => name,
    follow,
    show() {
      const { servers } = page.data();
      const server = servers?.find((one) => one.name === name);
      if (server === undefined) return servers === undefined ? loading() : missing(name);
      return html`${head(page, server)}${facts(page, server)}${offer(state, server)}`;
    },
    close: () => closeDetails(state),
  };
}

/** @param {ServerState} state */
function closeDetails(state) {
  state.details?.close();
  state.details = undefined;
}

/** @param {string} name */
const missing = (name) =>
  html`
    <div class="head">
      <h1 tabindex="-1">${said(name)}</h1>
    </div>${emptyState(
      "There is no such server",
      html`It may have been removed: see
      <a href=${linkTo(["servers"])}>all servers</a>.`,
    )}
  `;

/**
 * @param {Page} page
 * @param {ServerReport} server
 */
function head(page, server) {
  const { name, state, since, source } = server;
  return html`
    <nav aria-label="Place" class="crumbs"><a href=${linkTo(["servers"])}>Servers</a></nav>
    <div class="head">
      <div><h1 tabindex="-1">${said(name)}</h1>
        <p class="summary">${stateBadge(state)} <span>${ago(page, since)}</span>
          ${source === "registry"
            ? nothing
            : html`<span>${
              source === "file" ? "defined in mcp.json: change or remove it there" : "built in"
            }</span>`}</p></div>
      ${serverActions(page, server, () => page.go(["servers"]))}
    </div>
  `;
}

/**
 * @param {Page} page
 * @param {ServerReport} server
 */
function facts(page, server) {
  const { name, kind, target, url, revision, serverInfo, calls, failures } = server;
  const isWrong = server.error !== undefined && server.lastError !== undefined;
  return html`
    ${server.lastError === undefined
      ? nothing
      : html`<div class=${isWrong ? "problem" : "notice"}><p class="sub">${
        isWrong
          ? html`Why it does not work (<span class="mono">${server.error}</span>):`
          : "Its last error:"
      }</p>${longText(page, server, "error", server.lastError)}</div>`}
    <dl class="facts">
      ${fact("Kind", kind)}
      ${fact(
        url === undefined ? "Program" : "URL",
        html`<span class="mono wrap">${said(url ?? target ?? "–")}</span>`,
      )}
      ${fact(
        "Calls itself",
        serverInfo === undefined ? "–" : html`${said(serverInfo.name, 80)}
        <span class="mono">${said(serverInfo.version, 40)}</span>`,
      )}
      ${fact("Revision", html`<span class="mono">${revision ?? "–"}</span>`)}
      ${fact("Restarts", restartsText(server))}
      ${fact(
        "Calls",
        html`<a href=${linkTo(["calls"], { server: name })}>${number(calls)}</a>${
          failures > 0
            ? html`
              <span class="bad">${number(failures)} failed</span>
            `
            : nothing
        }`,
      )}
      ${fact(
        "Latency",
        html`<span class="latency">${
          latencyChart(server.latencies, { width: 140, height: 26 })
        } <span class="mono">${duration(server.medianMs) || "–"}</span></span>`,
      )}
      ${fact("Log", html`<a href=${linkTo(["log"], { text: name })}>its lines</a>`)}
    </dl>
  `;
}

/**
 * @param {string} title
 * @param {unknown} value
 */
const fact = (title, value) =>
  html`
    <div>
      <dt>${title}</dt>
      <dd>${value}</dd>
    </div>
  `;

/**
 * What the server offers: the lists, and next to them what is open.
 * @param {ServerState} state
 * @param {ServerReport} server
 */
function offer(state, server) {
  const { parts: { page, items }, list } = state;
  if (!server.enabled) {
    return emptyState("This server is disabled", "Enable it to see what it offers.");
  }
  const found = items.get(list);
  const problem = items.problem(list);
  return html`
    <div class="tabs"><nav aria-label="What ${hint(
      server.name,
    )} offers"><ul>${/** @type {ListName[]} */ (Object.keys(lists)).map((name) =>
      tab(state, server, name)
    )}</ul></nav>
      <button type="button" class="quiet" @click=${() => {
        closeDetails(state);
        items.reload();
      }}>Fetch again</button></div>
    ${problem !== undefined
      ? failureView(page, problem)
      : found === undefined
      ? loading()
      : found.length === 0
      ? emptyState(`No ${lists[list][0].toLowerCase()}`, "The server offers none of this kind.")
      : html`<div class="split ${state.itemId === undefined ? "" : "has-item"}">
          ${itemList(state, server.name, found)}
          <section class="detail" aria-label="Details">${detail(state, found)}</section></div>`}
  `;
}

/**
 * @param {ServerState} state
 * @param {ServerReport} server
 * @param {ListName} name
 */
function tab({ list, parts: { items } }, server, name) {
  const known = list === name ? items.get(name)?.length : undefined;
  const total = known ?? (name === "templates" ? undefined : server[name]);
  return html`<li><a href=${linkTo(["servers", server.name, name])}
    aria-current=${list === name ? "page" : nothing}>${lists[name][0]}${
    total === undefined ? nothing : html`
      <span class="muted">${number(total)}</span>
    `
  }</a></li>`;
}

/**
 * @param {ServerState} state
 * @param {string} server
 * @param {readonly JsonObject[]} found
 */
function itemList(state, server, found) {
  const { parts: { page }, list, filter, itemId } = state;
  const [title, id] = lists[list];
  const wanted = filter.trim().toLowerCase();
  const matching = found.filter((item) =>
    [item["name"], item["title"], item["description"], item[id]].some((text) =>
      typeof text === "string" && text.toLowerCase().includes(wanted)
    )
  );
  return html`
    <div class="items">
      <input type="search" aria-label="Filter ${title
        .toLowerCase()}" placeholder="Filter" .value=${filter}
        @input=${(/** @type {any} */ { target }) => {
          state.filter = target.value;
          page.redraw();
        }} />
      <ul>${repeat(matching.slice(0, bounds.rowsMax), (item) => String(item[id]), (item) => {
        const key = String(item[id]);
        return html`<li><a href=${linkTo(["servers", server, list, key])}
        aria-current=${key === itemId ? "true" : nothing}>
        <span class="name">${said(item["title"] ?? item["name"] ?? key, 80)}</span>
        <span class="sub mono">${
          said(item["title"] === undefined && id === "name" ? "" : key, 100)
        }</span></a></li>`;
      })}</ul>
      <p class="sub">${matching.length === found.length
        ? count(found.length, "item")
        : `${matching.length} of ${count(found.length, "item")}`}</p>
    </div>
  `;
}

/**
 * @param {ServerState} state
 * @param {readonly JsonObject[]} found
 */
function detail(state, found) {
  const { parts, list, itemId } = state;
  const [title, id] = lists[list];
  if (itemId === undefined) return html`<p class="empty">Choose one on the left to try it.</p>`;
  const item = found.find((one) => String(one[id]) === itemId) ??
    (list === "resources" ? { uri: itemId, name: itemId } : undefined);
  if (item === undefined) {
    return emptyState("It is not in the list", "The server may have changed it.");
  }
  const isSame = state.details?.item === item || String(state.details?.item[id]) === itemId;
  if (!isSame) {
    closeDetails(state);
    state.details = detailsOf[list](parts, item);
  }
  return html`<a class="back" href=${
    linkTo(["servers", parts.server, list])
  }>All ${title.toLowerCase()}</a>
    ${state.details?.show()}`;
}
