/**
 * What an operator does with a server, as the list and the server's own view offer it: restart,
 * switch on and off, remove. Servers of a file change in that file alone.
 */
import { attempt, confirmed, hint, said } from "./page.js";
import { html, nothing } from "./vendor/lit-html.js";

/** @import { Page } from "./page.js" */
/** @import { ServerReport } from "./state.js" */

/** Names of servers whose action is under way. */
/** @type {Set<string>} */
const busy = new Set();

/**
 * @param {Page} page
 * @param {ServerReport} server
 * @param {() => void} [onRemoved]
 */
export function serverActions(page, server, onRemoved) {
  const { name, enabled, source } = server;
  const isBusy = busy.has(name);
  const isOwn = source === "registry";
  const shownName = hint(name);
  const button = (
    /** @type {string} */ label,
    /** @type {() => unknown} */ run,
    /** @type {string} */ tone = "",
  ) =>
    html`<button type="button" class="small ${tone}" ?disabled=${isBusy}
      aria-label="${label} ${shownName}" @click=${run}>${label}</button>`;
  return html`<div class="buttons">
    ${enabled ? button("Restart", () => step(page, name, "restart", "Restarted")) : nothing}
    ${!isOwn
      ? nothing
      : enabled
      ? button("Disable", () => step(page, name, "disable", "Disabled"))
      : button("Enable", () => step(page, name, "enable", "Enabled"))}
    ${isOwn ? button("Remove", () => remove(page, name, onRemoved), "danger") : nothing}
  </div>`;
}

/**
 * @param {string} name
 * @param {string} [rest]
 */
const pathOf = (name, rest = "") => `/admin/servers/${encodeURIComponent(name)}${rest}`;

/**
 * @param {Page} page
 * @param {string} name
 * @param {string} action
 * @param {string} done
 */
const step = (page, name, action, done) =>
  during(page, name, async () => {
    await page.api.call("POST", pathOf(name, `/${action}`), {});
    await page.load("status");
    return `${done} ${name}`;
  });

/**
 * @param {Page} page
 * @param {string} name
 * @param {(() => void) | undefined} onRemoved
 */
async function remove(page, name, onRemoved) {
  const isSure = await confirmed(page, {
    title: "Remove this server?",
    text: html`${said(name)} leaves the gateway, with its stored entry. Clients lose its tools; its
      programs are stopped.`,
    action: "Remove",
  });
  if (!isSure) return;
  const isDone = await during(page, name, async () => {
    await page.api.call("DELETE", pathOf(name));
    await page.load("status");
    return `Removed ${name}`;
  });
  if (isDone) onRemoved?.();
}

/**
 * @param {Page} page
 * @param {string} name
 * @param {() => Promise<string>} work
 */
async function during(page, name, work) {
  busy.add(name);
  page.redraw();
  try {
    return await attempt(page, work);
  } finally {
    busy.delete(name);
    page.redraw();
  }
}
