/** The open sessions of clients: which client, at which surface, since when, and how they connect. */
import { bounds } from "../bounds.js";
import { count } from "../format.js";
import { ago, emptyState, loading, said } from "../page.js";
import { linkTo } from "../router.js";
import { cell, row, rowHead, table, twoLines } from "../table.js";
import { html, nothing, repeat } from "../vendor/lit-html.js";

/** @import { Page, View } from "../page.js" */
/** @import { SessionRow } from "../state.js" */

/**
 * @param {Page} page
 * @returns {View}
 */
export function openSessions(page) {
  return {
    title: () => "Sessions",
    show() {
      const { sessions } = page.data();
      return html`
        <div class="head">
          <div>
            <h1 tabindex="-1">Sessions</h1>
            <p class="summary">${sessions === undefined || sessions === null
              ? nothing
              : count(sessions.length, "client")}</p>
          </div>
        </div>
        ${sessions === undefined || sessions === null ? loading() : list(page, sessions)}
      `;
    },
  };
}

/**
 * @param {Page} page
 * @param {readonly SessionRow[]} sessions
 */
function list(page, sessions) {
  if (sessions.length === 0) {
    return emptyState(
      "No client is connected",
      html`<a href=${linkTo(["connect"])}>Connect a client</a>, and it appears here, with a session
        or without one.`,
    );
  }
  const newest = [...sessions].sort((a, b) => timeOf(b.lastActivityAt) - timeOf(a.lastActivityAt));
  const shown = newest.slice(0, bounds.rowsMax);
  return html`${
    table(
      columns,
      repeat(shown, ({ id }) => id, (session) => sessionRow(page, session)),
      "",
    )
  }${
    newest.length === shown.length
      ? nothing
      : html`<p class="more">The ${shown.length} latest of ${newest.length} are shown.</p>`
  }`;
}

/** @type {Readonly<Record<string, string>>} */
const transports = {
  streamable: "Streamable HTTP",
  sse: "HTTP+SSE",
  stateless: "without a session",
};

/** @type {readonly import("../table.js").Column[]} */
const columns = [
  ["Client", ""],
  ["Surface", ""],
  ["Revision", ""],
  ["Principal", ""],
  ["Connected", ""],
  ["Last active", ""],
  ["Streams", "right"],
];

/**
 * @param {Page} page
 * @param {SessionRow} session
 */
function sessionRow(page, session) {
  const { client, surface, revision, transport, principal, id } = session;
  const mono = (/** @type {unknown} */ text) => html`<span class="mono">${said(text, 60)}</span>`;
  const name = html`<span class="name">${said(client?.name ?? "unnamed", 60)}</span>`;
  return row([
    rowHead("", twoLines(name, mono(client?.version ?? ""))),
    cell("", mono(surface)),
    cell("", twoLines(mono(revision), said(transports[transport] ?? transport, 40))),
    cell("", twoLines(said(principal, 60), mono(id))),
    cell("third", ago(page, session.createdAt), "Connected"),
    cell("third", ago(page, session.lastActivityAt), "Last active"),
    cell("right third", session.streams, "Streams"),
  ]);
}

/** @param {string | number} time */
const timeOf = (time) => typeof time === "number" ? time : Date.parse(time) || 0;
