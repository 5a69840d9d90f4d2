/** A JSON value with its parts folded, as in json_tree.js; what a person unfolds stays unfolded. */
import { bounds } from "./bounds.js";
import { membersOf, nodeOf } from "./json_tree.js";
import { said } from "./page.js";
import { html, nothing } from "./vendor/lit-html.js";

/** @import { Page } from "./page.js" */
/** @import { TreeNode } from "./json_tree.js" */

/**
 * What a person did to a value: whether it is open, and how many members are shown.
 * @typedef {{ isOpen: boolean, shown: number }} Unfolded
 */

/** @type {WeakMap<object, Unfolded>} */
const states = new WeakMap();

/**
 * @param {Page} page
 * @param {unknown} value parsed from JSON
 */
export const jsonView = (page, value) =>
  html`<div class="json" tabindex="0" role="group" aria-label="JSON">${
    valueView(page, value, 0, undefined)
  }</div>`;

/**
 * @param {Page} page
 * @param {unknown} value
 * @param {number} depth
 * @param {string | undefined} key
 * @returns {import("./page.js").Shown}
 */
function valueView(page, value, depth, key) {
  const node = nodeOf(value, depth);
  const name = key === undefined ? nothing : html`
    <span class="key">${said(key)}</span>:
  `;
  if (typeof value !== "object" || value === null) {
    return html`<div class="leaf">${name}<span class=${node.kind}>${
      said(node.text, bounds.textCharsMax)
    }</span></div>`;
  }
  if (membersOf(value, 1).members.length === 0) {
    return html`<div class="leaf">${name}<span class="muted">${
      node.kind === "list" ? "[]" : "{}"
    }</span></div>`;
  }
  return branch(page, value, node, depth, name);
}

/**
 * @param {Page} page
 * @param {object} value
 * @param {TreeNode} node
 * @param {number} depth
 * @param {unknown} name
 */
function branch(page, value, node, depth, name) {
  const state = states.get(value) ?? { isOpen: node.isOpen, shown: bounds.membersMax };
  states.set(value, state);
  const toggle = (/** @type {any} */ { target }) => {
    if (state.isOpen === target.open) return;
    state.isOpen = target.open;
    page.redraw();
  };
  const showMore = () => {
    state.shown += bounds.membersMax;
    page.redraw();
  };
  const { members, more } = membersOf(value, state.shown);
  return html`<details ?open=${state.isOpen} @toggle=${toggle}>
    <summary>${name}<span class="muted">${
    node.kind === "list" ? "[…]" : "{…}"
  } ${node.text}</span></summary>
    ${
    state.isOpen
      ? html`${members.map((member) => valueView(page, member.value, depth + 1, member.key))}
        ${
        more === 0
          ? nothing
          : html`<button type="button" class="quiet" @click=${showMore}>${more} more</button>`
      }`
      : nothing
  }</details>`;
}
