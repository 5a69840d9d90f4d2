/** The gateway itself: version, runtime, how long it has been up, its files, and its sums. */
import { bounds } from "../bounds.js";
import { age, clock, fullTime, number } from "../format.js";
import { emptyState, loading, said } from "../page.js";
import { tallyOf } from "../state.js";
import { html, nothing } from "../vendor/lit-html.js";

/** @import { Page, View } from "../page.js" */
/** @import { GatewayStatus, PageData } from "../state.js" */

/**
 * @param {Page} page
 * @returns {View}
 */
export function openAbout(page) {
  return {
    title: () => "About",
    show() {
      const data = page.data();
      return html`
        <div class="head">
          <h1 tabindex="-1">About this gateway</h1>
        </div>
                ${data.status === undefined ? loading() : [tiles(data), facts(page, data.status)]}
      `;
    },
  };
}

/** @param {PageData} data */
function tiles({ servers = [], sessions }) {
  const { working, failing } = tallyOf(servers);
  const sum = (/** @type {(server: import("../state.js").ServerReport) => number} */ of) =>
    number(servers.reduce((total, server) => total + of(server), 0));
  const all = [
    ["Servers working", `${working} of ${servers.length}`, failing > 0 ? `${failing} failing` : ""],
    ["Sessions", sessions === undefined || sessions === null ? "–" : number(sessions.length), ""],
    ["Tools", sum(({ tools = 0 }) => tools), ""],
    ["Calls", sum(({ calls }) => calls), `${sum(({ failures }) => failures)} failed`],
    ["Restarts", sum(({ restarts }) => restarts), ""],
  ];
  return html`<dl class="tiles">${
    all.map(([title, value, more]) =>
      html`
        <div>
          <dt>${title}</dt>
          <dd>${value}${more === "" ? nothing : html`
            <span class="sub">${more}</span>
          `}</dd>
        </div>
      `
    )
  }</dl>`;
}

/**
 * @param {Page} page
 * @param {GatewayStatus} status
 */
function facts(page, { version, runtime, pid, startedAt, url, adminUrl, config, data, auth }) {
  const started = startedAt === undefined ? undefined : Date.parse(startedAt);
  const all = /** @type {const} */ ([
    ["Version", version],
    ["Runtime", runtime],
    ["Process", pid],
    [
      "Up",
      started === undefined
        ? undefined
        : html`<time title=${fullTime(started)}>${age(Math.max(0, page.now() - started))}, since ${
          clock(started, page.now())
        }</time>`,
    ],
    ["MCP endpoint", url === undefined ? undefined : mono(`${url}/mcp`)],
    ["Admin API", adminUrl === undefined ? undefined : mono(adminUrl)],
    ["Configuration", config === undefined ? undefined : mono(config)],
    ["Data folder", data === undefined ? undefined : mono(data)],
    [
      "Clients authenticate by",
      auth === undefined || auth.length === 0 || auth.includes("none")
        ? "nothing"
        : auth.join(", "),
    ],
  ]);
  const known = all.filter(([, value]) => value !== undefined);
  if (known.length === 0) {
    return emptyState("Nothing is known", "The gateway says nothing of itself.");
  }
  return html`<dl class="facts wide">${
    known.map(([title, value]) =>
      html`
        <div>
          <dt>${title}</dt>
          <dd>${value}</dd>
        </div>
      `
    )
  }</dl>`;
}

/** @param {string} text */
const mono = (text) => html`<span class="mono wrap">${said(text, bounds.textCharsMax)}</span>`;
