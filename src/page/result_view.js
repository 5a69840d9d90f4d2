/**
 * What a server answered, as a person reads it: JSON folded, images and sounds shown, links of
 * resources to read on, and every other text as text: Markdown and HTML are never markup here.
 */
import { base64In } from "./base64.js";
import { size } from "./format.js";
import { jsonIn } from "./json_tree.js";
import { jsonView } from "./json_view.js";
import { hint, longText, said } from "./page.js";
import { isObject } from "./schema_form.js";
import { html, nothing } from "./vendor/lit-html.js";

/** @import { Page } from "./page.js" */

/** @typedef {{ readonly [key: string]: unknown }} JsonObject */

/**
 * What a result's links can do.
 * @typedef {object} ResultTools
 * @property {Page} page
 * @property {(uri: string) => void} read shows a resource of the same server
 */

/** Media types that a browser shows as pictures and never as documents with scripts. */
const pictures = /^image\/(?:png|jpeg|gif|webp|avif|bmp|svg\+xml)$/i;
const sounds = /^audio\/[\w.+-]+$/i;

/**
 * The result of a tool.
 * @param {ResultTools} tools
 * @param {JsonObject} result
 */
export function toolResult(tools, result) {
  const content = Array.isArray(result["content"]) ? result["content"].filter(isObject) : [];
  const structured = result["structuredContent"];
  const isTwice = structured !== undefined && content.length === 1 &&
    isSame(content[0]?.["text"], structured);
  return html`
    ${result["isError"] === true
      ? html`<p class="problem" role="alert">The tool reports an error.</p>`
      : nothing}
    ${isTwice ? nothing : content.map((block) => blockView(tools, block))}
    ${structured === undefined
      ? nothing
      : html`<h4>Structured content</h4>${jsonView(tools.page, structured)}`}
    ${content.length === 0 && structured === undefined
      ? html`<p class="muted">The result is empty.</p>`
      : nothing}
  `;
}

/**
 * Many tools send their structured content as text, too.
 * @param {unknown} text
 * @param {unknown} value
 */
const isSame = (text, value) =>
  typeof text === "string" && JSON.stringify(jsonIn(text)) === JSON.stringify(value);

/**
 * One part of a result or of a prompt's message.
 * @param {ResultTools} tools
 * @param {JsonObject} block
 */
export function blockView(tools, block) {
  switch (block["type"]) {
    case "text":
      return textView(tools.page, block, "text", block["text"]);
    case "image":
      return media(tools.page, block["data"], block["mimeType"]);
    case "audio":
      return media(tools.page, block["data"], block["mimeType"]);
    case "resource_link":
      return linkView(tools, block);
    case "resource":
      return isObject(block["resource"])
        ? contentsView(tools.page, block["resource"])
        : jsonView(tools.page, block);
    default:
      return jsonView(tools.page, block);
  }
}

/**
 * A text, folded where it is JSON.
 * @param {Page} page
 * @param {object} owner
 * @param {string} key
 * @param {unknown} text
 */
function textView(page, owner, key, text) {
  if (typeof text !== "string") return nothing;
  const value = parsedOf(owner, key, text);
  return value === undefined
    ? html`<div class="block" tabindex="0" role="group" aria-label="Text">${
      longText(page, owner, key, text)
    }</div>`
    : jsonView(page, value);
}

/** The values of texts that are JSON: what is unfolded belongs to the value, so it must stay one. */
/** @type {WeakMap<object, Map<string, object | undefined>>} */
const parsed = new WeakMap();

/**
 * @param {object} owner
 * @param {string} key
 * @param {string} text
 */
function parsedOf(owner, key, text) {
  const known = parsed.get(owner) ?? new Map();
  parsed.set(owner, known);
  if (!known.has(key)) known.set(key, jsonIn(text));
  return known.get(key);
}

/**
 * A picture or a sound; anything else as its size.
 * @param {Page} page
 * @param {unknown} data Base64
 * @param {unknown} mimeType
 */
function media(page, data, mimeType) {
  const type = String(mimeType);
  const bare = typeof data === "string" ? base64In(data) : undefined;
  if (bare === undefined) return jsonView(page, { type, data });
  const url = `data:${type};base64,${bare}`;
  if (pictures.test(type)) {
    return html`<figure class="block"><img src=${url} alt="Picture from the server" />
      <figcaption>${said(type, 60)}</figcaption></figure>`;
  }
  if (sounds.test(type)) {
    return html`
      <figure class="block">
        <audio controls src=${url}></audio>
        <figcaption>${said(type, 60)}</figcaption>
      </figure>
    `;
  }
  return html`<p class="block muted">${said(type, 60)}, about ${
    size(bare.length * 3 / 4)
  } bytes, not shown</p>`;
}

/**
 * @param {ResultTools} tools
 * @param {JsonObject} link
 */
function linkView({ read }, { uri, name, title, description, mimeType }) {
  if (typeof uri !== "string") return nothing;
  return html`<div class="block link">
    <p><strong>${said(title ?? name ?? uri)}</strong>
      <span class="sub mono">${said(uri)} ${
    mimeType === undefined ? nothing : said(mimeType, 60)
  }</span>
      ${
    description === undefined ? nothing : html`<span class="sub">${said(description)}</span>`
  }</p>
    <button type="button" class="small" aria-label="Read ${hint(uri)}"
      @click=${() => read(uri)}>Read</button></div>`;
}

/**
 * The contents of a resource.
 * @param {Page} page
 * @param {JsonObject} contents
 */
export function contentsView(page, contents) {
  const { uri, mimeType, text, blob } = contents;
  return html`<div class="contents">
    <p class="sub mono">${said(uri)} ${mimeType === undefined ? nothing : said(mimeType, 60)}</p>
    ${
    typeof text === "string" ? textView(page, contents, "text", text) : media(page, blob, mimeType)
  }
  </div>`;
}

/**
 * The messages of a prompt.
 * @param {ResultTools} tools
 * @param {JsonObject} result
 */
export function promptResult(tools, { description, messages }) {
  const all = Array.isArray(messages) ? messages.filter(isObject) : [];
  return html`${description === undefined ? nothing : html`<p>${said(description)}</p>`}
    ${
    all.map(({ role, content }) =>
      html`<h4>${said(role, 40)}</h4>${isObject(content) ? blockView(tools, content) : nothing}`
    )
  }`;
}
