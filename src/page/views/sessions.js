/** The open sessions of clients: which client, at which surface, since when, and how they connect. */
import { bounds } from "../bounds.js";
import { count } from "../format.js";
import { ago, emptyState, loading, said } from "../page.js";
import { linkTo } from "../router.js";
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
        <div class="head"><div><h1 tabindex="-1">Sessions</h1>
          <p class="summary">${
        sessions === undefined || sessions === null ? nothing : count(sessions.length, "open session")
      }</p></div></div>
        ${sessions === undefined || sessions === null ? loading() : list(page, sessions)}`;
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
      "No client has a session",
      html`<a href=${linkTo(["connect"])}>Connect a client</a>. Stateless clients have none; their
        requests are among the <a href=${linkTo(["calls"])}>calls</a>.`,
    );
  }
  const newest = [...sessions].sort((a, b) => timeOf(b.lastActivityAt) - timeOf(a.lastActivityAt));
  const columns = ["Client", "Surface", "Revision", "Principal", "Connected", "Last active", "Streams"];
  return html`<table class="rows cards" role="table">
    <thead role="rowgroup"><tr role="row">${
    columns.map((title) =>
      html`<th role="columnheader" scope="col" class=${title === "Streams" ? "right" : ""}>${title}</th>`
    )
  }</tr></thead>
    <tbody role="rowgroup">${
    repeat(newest.slice(0, bounds.rowsMax), ({ id }) => id, (session) =>
      html`<tr role="row">
        <th role="rowheader" scope="row"><span class="name">${said(session.client?.name ?? "unnamed", 60)}</span>
          <span class="sub mono">${said(session.client?.version ?? "", 40)}</span></th>
        <td role="cell" data-label="Surface"><span class="mono">${said(session.surface, 60)}</span></td>
        <td role="cell" data-label="Revision"><span class="mono">${said(session.revision, 20)}</span>
          <span class="sub">${said(session.transport, 40)}</span></td>
        <td role="cell" data-label="Principal">${said(session.principal, 60)}
          <span class="sub mono">${said(session.id, 20)}</span></td>
        <td role="cell" data-label="Connected">${ago(page, session.createdAt)}</td>
        <td role="cell" data-label="Last active">${ago(page, session.lastActivityAt)}</td>
        <td role="cell" data-label="Streams" class="right">${session.streams}</td>
      </tr>`)
  }</tbody></table>
  ${newest.length > bounds.rowsMax
    ? html`<p class="more">The ${bounds.rowsMax} latest of ${newest.length} are shown.</p>`
    : nothing}`;
}

/** @param {string | number} time */
const timeOf = (time) => typeof time === "number" ? time : Date.parse(time) || 0;
