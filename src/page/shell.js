/**
 * What is around a view: the navigation, the state of the connection, notes and dialogs; and the
 * page of a person who is not signed in.
 */
import { linkTo } from "./router.js";
import { icon } from "./icons.js";
import { html, nothing, repeat } from "./vendor/lit-html.js";
import { visible } from "./visible.js";

/** @import { App } from "./app.js" */
/** @import { View } from "./page.js" */
/** @import { PageData } from "./state.js" */
/** @import { ViewRow } from "./views.js" */

/**
 * @typedef {object} ShellParts
 * @property {App} app
 * @property {PageData} data
 * @property {View} view
 * @property {readonly ViewRow[]} views
 * @property {(id: number) => void} dismiss takes a note away
 * @property {(id: number) => void} closeDialog
 * @property {() => Promise<void>} leave signs out
 */

/** @param {ShellParts} parts */
export function shell(parts) {
  const { app, data, view } = parts;
  return html`
    <a class="skip" href="#main" @click=${skip}>Skip to the content</a>
    <header class="side">
      <p class="brand">${icon("brand")}<span>mcp-wrapper</span></p>
      ${navigation(parts)}
      <div class="side-end">
        ${connection(data)}
        <button type="button" class="quiet" @click=${() => parts.leave()}>Sign out</button>
      </div>
    </header>
    <main id="main" tabindex="-1">${view.show()}</main>
    ${notes(app, parts.dismiss)}
    ${repeat(app.dialogs, ({ id }) => id, ({ id, dialog }) =>
      html`
        <dialog
          id="dialog-${id}"
          class=${dialog.isWide === true ? "wide" : ""}
          aria-labelledby="dialog-title-${id}"
          @close=${() => parts.closeDialog(id)}
        >
          <h2 id="dialog-title-${id}">${visible(dialog.title)}</h2>
          ${dialog.body()}
        </dialog>
      `)}
  `;
}

/** The address stays: it names the view. @param {Event} event */
function skip(event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

/** @param {ShellParts} parts */
function navigation({ app, data, views }) {
  const current = app.route.parts[0];
  const shown = views.filter(({ isMissing }) => isMissing?.(data) !== true);
  return html`
    <nav aria-label="Views">
      <ul>${shown.map(({ name, title, badge }) => {
        const mark = badge?.(data);
        return html`<li>
        <a href=${linkTo([name])} aria-current=${name === current ? "page" : nothing}>
          ${icon(name)}<span>${title}</span>${
          mark === undefined
            ? nothing
            : html`<span class="badge">${mark.count}<span class="unshown"> ${mark.words}</span></span>`
        }</a></li>`;
      })}</ul>
    </nav>
  `;
}

/** @param {PageData} data */
function connection({ connection: state }) {
  const [tone, words] = state === "live"
    ? ["ok", "Live"]
    : state === "lost"
    ? ["bad", "Connection lost, trying again"]
    : ["busy", "Connecting"];
  return html`<p class="connection" role="status"><span class="state ${tone}">${words}</span></p>`;
}

/**
 * Two live regions, which are there before anything is in them.
 * @param {App} app
 * @param {ShellParts["dismiss"]} dismiss
 */
function notes({ notes: all }, dismiss) {
  const list = (/** @type {boolean} */ isProblem) =>
    repeat(
      all.filter((note) => note.isProblem === isProblem),
      ({ id }) => id,
      ({ id, text }) =>
        html`<div class="note ${isProblem ? "bad" : "ok"}"><p>${text}</p>
          <button type="button" class="quiet" aria-label="Close this note"
            @click=${() => dismiss(id)}>×</button></div>`,
    );
  return html`
    <div class="notes">
      <div role="status">${list(false)}</div>
      <div role="alert">${list(true)}</div>
    </div>
  `;
}

/**
 * The page without a token: how to get a link.
 * @param {string} reason why the person is here again; "" at the first time
 */
export function signedOut(reason) {
  return html`<main class="signed-out" id="main" tabindex="-1">
    <p class="brand">${icon("brand")}<span>mcp-wrapper</span></p>
    <h1>Open this page by a one-time link</h1>
    ${reason === "" ? nothing : html`<p class="problem" role="alert">${reason}</p>`}
    <p>On the machine of the gateway, with the account that runs it:</p>
    <pre class="code" tabindex="0"><code>mcp-wrapper page</code></pre>
    <p>The command prints a link, and opens it where it can. A link works once, for ten minutes.
    <code>mcp-wrapper</code> also prints one when it starts on a terminal.</p>
  </main>`;
}
