/**
 * The instances that are one gateway: where each is reached, what it owns and runs, and whether it
 * hands over what it owns; and a button that makes it do so.
 */
import { bounds } from "../bounds.js";
import { count, number } from "../format.js";
import { ago, attempt, confirmed, hint, loading, said } from "../page.js";
import { cell, row, rowHead, table, twoLines } from "../table.js";
import { html, nothing, repeat } from "../vendor/lit-html.js";

/** @import { Page, View } from "../page.js" */
/** @import { InstanceRow } from "../state.js" */

/**
 * @param {Page} page
 * @returns {View}
 */
export function openInstances(page) {
  // No event says what other instances own: they are asked for while this view is shown.
  const timer = setInterval(() => {
    const isLive = page.data().connection === "live";
    if (isLive && !document.hidden) void page.load("status");
  }, bounds.instancesMs);
  return {
    title: () => "Instances",
    close: () => clearInterval(timer),
    show() {
      const { status } = page.data();
      const { instances, instancesProblem } = status ?? {};
      return html`
        <div class="head">
          <div>
            <h1 tabindex="-1">Instances</h1>
            <p class="summary">${instances === undefined
              ? nothing
              : count(instances.length, "instance")}</p>
          </div>
        </div>
        ${instancesProblem === undefined
          ? nothing
          : html`<p class="problem" role="alert">Cannot show the other instances: ${
            said(instancesProblem)
          }</p>`}
        ${instances === undefined
          ? instancesProblem === undefined ? loading() : nothing
          : list(page, instances)}
      `;
    },
  };
}

/**
 * @param {Page} page
 * @param {readonly InstanceRow[]} instances
 */
function list(page, instances) {
  const sorted = instances.toSorted((one, other) => one.name < other.name ? -1 : 1);
  return html`
    ${table(
      columns,
      repeat(
        sorted.slice(0, bounds.rowsMax),
        ({ name }) => name,
        (one) => instanceRow(page, one, instances.length > 1),
      ),
      "instances",
    )}
    <p
      class="summary below">A server with isolation "shared" has a process of its own at each instance.</p>
  `;
}

/** @type {readonly import("../table.js").Column[]} */
const columns = [
  ["Instance", ""],
  ["Started", ""],
  ["Owns", "right"],
  ["Calls", "right"],
  ["State", ""],
  ["Action", "right"],
];

/**
 * @param {Page} page
 * @param {InstanceRow} instance
 * @param {boolean} hasOthers
 */
function instanceRow(page, instance, hasOthers) {
  const { name, url, isThis, isDraining, startedAt, owned, calls } = instance;
  const shown = html`<span class="name mono">${said(name, 64)}</span>`;
  const place = html`<span class="mono">${said(url, 100)}</span>${
    isThis ? " · shows this page" : nothing
  }`;
  return row([
    rowHead("", twoLines(shown, place)),
    cell("third", ago(page, startedAt), "Started"),
    cell("right third", number(owned), "Owns"),
    cell("right third", number(calls), "Calls"),
    cell(
      "",
      isDraining
        ? html`<span class="state busy">hands over</span>`
        : html`<span class="state ok">serves</span>`,
    ),
    cell(
      "right",
      html`
        <button type="button" class="small" ?disabled=${isDraining || busy.has(name)}
          aria-label="Drain ${hint(name)}"
          @click=${() => drain(page, instance, hasOthers)}>Drain</button>
      `,
    ),
  ]);
}

/** Names of instances that were told to drain a moment ago. @type {Set<string>} */
const busy = new Set();

/**
 * @param {Page} page
 * @param {InstanceRow} instance
 * @param {boolean} hasOthers
 */
async function drain(page, { name, isThis }, hasOthers) {
  const isSure = await confirmed(page, {
    title: "Drain this instance?",
    text: html`${said(name)} ${
      hasOthers
        ? "hands its sessions over to the other instances, and then stops."
        : "is the only instance: it stops, and its clients wait until one starts."
    } ${isThis ? "This page ends with it." : ""}`,
    action: "Drain",
  });
  if (!isSure) return;
  busy.add(name);
  page.redraw();
  await attempt(page, async () => {
    await page.api.call("POST", "/admin/drain", { instance: name });
    await page.load("status");
    return `${name} hands its sessions over and stops`;
  });
  busy.delete(name);
  page.redraw();
}
