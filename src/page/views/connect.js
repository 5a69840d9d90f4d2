/** How each known client is connected: the text for its file, with a button that copies it, and its link. */
import { ApiError } from "../api.js";
import { bounds } from "../bounds.js";
import { copyButton, emptyState, loading, said } from "../page.js";
import { html, nothing, repeat } from "../vendor/lit-html.js";

/** @import { Page, View } from "../page.js" */

/**
 * One client (GET /admin/connect).
 * @typedef {object} ClientSnippet
 * @property {string} id
 * @property {string} title
 * @property {string} text
 * @property {string} language
 * @property {string} [file]
 * @property {readonly string[]} [command] the client's own command that adds the gateway
 * @property {string} [link]
 * @property {readonly string[]} [notes]
 */

/** What a link may be: that of a web page, or that of a program that asks before it adds a server. */
const linkForm = /^(?:https?|cursor|vscode|vscode-insiders|windsurf|goose|lmstudio|kiro):/;

/**
 * @param {Page} page
 * @returns {View}
 */
export function openConnect(page) {
  /** @type {readonly ClientSnippet[] | undefined} */
  let clients;
  let isMissing = false;
  const load = async () => {
    try {
      ({ clients } = await page.api.call("GET", "/admin/connect"));
    } catch (problem) {
      isMissing = true;
      if (!(problem instanceof ApiError) || problem.status !== 404) page.fail(problem);
    }
    page.redraw();
  };
  void load();
  return {
    title: () => "Connect",
    show() {
      const { status } = page.data();
      const url = status?.url === undefined ? undefined : `${status.url}/mcp`;
      return html`
        <div class="head">
          <div><h1 tabindex="-1">Connect a client</h1>
          ${url === undefined
            ? nothing
            : html`<p class="summary">All servers at one URL: <span class="mono wrap">${url}</span>
              ${copyButton(page, url, "Copy the URL")}</p>`}</div>
        </div>
        ${clients !== undefined
          ? html`<div class="grid">${
            repeat(clients, ({ id }) => id, (client) => panel(page, client))
          }</div>`
          : isMissing
          ? emptyState("No snippets here", html`<code>mcp-wrapper connect</code> prints them.`)
          : loading()}
      `;
    },
  };
}

/**
 * @param {Page} page
 * @param {ClientSnippet} client
 */
function panel(page, { title, text, file, command, link, notes = [] }) {
  const opens = link !== undefined && linkForm.test(link)
    ? html`
      <a class="button small" href=${link} rel="noopener noreferrer"
        target="_blank">Open in ${title}</a>
    `
    : nothing;
  return html`
    <section class="panel" aria-label=${title}>
      <div class="head"><h2>${title}</h2><div class="buttons">${opens}</div></div>
      ${command === undefined
        ? nothing
        : snippet(page, "By its own command:", inShell(command), `the command for ${title}`)}
      ${snippet(page, fileWords(file), text, `the text for ${title}`)}
      ${notes.map((note) => html`<p class="sub">${said(note, bounds.textCharsMax)}</p>`)}
    </section>
  `;
}

/** @param {string | undefined} file */
const fileWords = (file) =>
  file === undefined
    ? "In its configuration:"
    : html`In <span class="mono wrap">${said(file)}</span>:`;

/**
 * @param {Page} page
 * @param {unknown} where
 * @param {string} text
 * @param {string} what
 */
const snippet = (page, where, text, what) =>
  html`
    <div class="snippet"><p class="sub">${where}</p>${copyButton(page, text, `Copy ${what}`)}</div>
    <pre class="code" tabindex="0" role="group" aria-label=${what}><code>${text}</code></pre>
  `;

/**
 * A command line as a shell takes it.
 * @param {readonly string[]} words
 */
const inShell = (words) =>
  words.map((word) => /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)
    .join(" ");
