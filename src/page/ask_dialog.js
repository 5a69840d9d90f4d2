/**
 * The dialog in which a server asks something during a call: a form made from its schema, or a page
 * to open. Closing the dialog is an answer, too: the question is cancelled.
 */
import { addressView, openOutside } from "./address_view.js";
import { createForm } from "./form_view.js";
import { marked } from "./page.js";
import { html } from "./vendor/lit-html.js";
import { bounds } from "./bounds.js";
import { cut } from "./visible.js";
import { webAddress } from "./web_address.js";

/** @import { JsonObject, Question } from "./mcp.js" */
/** @import { Page } from "./page.js" */

/**
 * Asks the person; resolves with the result of the question.
 * @param {Page} page
 * @param {string} server
 * @param {Question} question
 * @returns {Promise<JsonObject>}
 */
export function askPerson(page, server, { method, params }) {
  if (method !== "elicitation/create") {
    return Promise.reject(new Error(`The server asks for ${method}, which this page cannot do`));
  }
  return new Promise((resolve) => {
    /** @type {JsonObject} */
    let answer = { action: "cancel" };
    const close = page.open({
      title: `${server} asks`,
      body: () =>
        body((given) => {
          answer = given;
          close();
        }),
      onClose: () => resolve(answer),
    });
    const body = params["mode"] === "url"
      ? urlBody(String(params["message"] ?? ""), String(params["url"] ?? ""))
      : formBody(page, params);
  });
}

/** @typedef {(answer: JsonObject) => void} Finish */

/**
 * @param {Page} page
 * @param {JsonObject} params
 */
function formBody(page, params) {
  const form = createForm(params["requestedSchema"], page.redraw);
  return (/** @type {Finish} */ finish) =>
    html`<form class="form" novalidate @submit=${(/** @type {Event} */ event) => {
      event.preventDefault();
      const content = form.read();
      if (content !== undefined) finish({ action: "accept", content });
      else requestAnimationFrame(() => form.focusProblem());
    }}>
      ${message(String(params["message"] ?? ""))}
      ${form.show()}
      <div class="actions">
        <button type="button" @click=${() => finish({ action: "cancel" })}>Cancel</button>
        <button type="button" @click=${() => finish({ action: "decline" })}>Decline</button>
        <button type="submit" class="primary">Send</button>
      </div></form>`;
}

/**
 * @param {string} text
 * @param {string} url
 */
function urlBody(text, url) {
  const address = webAddress(url);
  return (/** @type {Finish} */ finish) =>
    html`
      ${message(text)}
      ${addressView(url)}
      <div class="actions">
        <button type="button" @click=${() => finish({ action: "cancel" })}>Cancel</button>
        <button type="button" @click=${() => finish({ action: "decline" })}>Decline</button>
        <button type="button" class="primary" ?disabled=${address === undefined}
          @click=${() => {
            if (address === undefined) return;
            openOutside(address.href);
            finish({ action: "accept" });
          }}>Open this page</button>
      </div>
    `;
}

/** @param {string} text */
const message = (text) => html`<div class="text">${marked(cut(text, bounds.textCharsMax))}</div>`;
