/**
 * What an operator does with a server, as the list and the server's own view offer it: restart,
 * switch on and off, remove. Servers of a file change in that file alone.
 */
import { attempt, confirmed, hint, said } from "./page.js";
import { html, nothing } from "./vendor/lit-html.js";

/** @import { Page } from "./page.js" */
/** @import { ServerReport } from "./state.js" */

/** @typedef {"restart" | "disable" | "enable"} Step */

/** @type {Readonly<Record<Step, readonly [label: string, done: string]>>} */
const steps = {
  restart: ["Restart", "Restarted"],
  disable: ["Disable", "Disabled"],
  enable: ["Enable", "Enabled"],
};

/** Names of servers whose action is under way. @type {Set<string>} */
const busy = new Set();

/**
 * The one action that a list has room for.
 * @param {Page} page
 * @param {ServerReport} server
 */
export function mainAction(page, server) {
  if (server.enabled) return stepButton(page, server, "restart");
  return server.source === "registry" ? stepButton(page, server, "enable") : nothing;
}

/**
 * All that can be done with a server.
 * @param {Page} page
 * @param {ServerReport} server
 * @param {() => void} onRemoved
 */
export function serverActions(page, server, onRemoved) {
  const isOwn = server.source === "registry";
  return html`<div class="buttons">
    ${mainAction(page, server)}
    ${isOwn && server.enabled ? stepButton(page, server, "disable") : nothing}
    ${
    isOwn
      ? html`
        <button type="button" class="small danger" ?disabled=${busy.has(server.name)}
          aria-label="Remove ${hint(server.name)}"
          @click=${() => remove(page, server.name, onRemoved)}>Remove</button>
      `
      : nothing
  }</div>`;
}

/**
 * @param {Page} page
 * @param {ServerReport} server
 * @param {Step} step
 */
function stepButton(page, { name }, step) {
  const [label, done] = steps[step];
  const run = () =>
    during(page, name, async () => {
      await page.api.call("POST", pathOf(name, `/${step}`), {});
      await page.load("status");
      return `${done} ${name}`;
    });
  return html`
    <button type="button" class="small" ?disabled=${busy.has(name)}
      aria-label="${label} ${hint(name)}" @click=${run}>${label}</button>
  `;
}

/**
 * @param {string} name
 * @param {string} [rest]
 */
const pathOf = (name, rest = "") => `/admin/servers/${encodeURIComponent(name)}${rest}`;

/**
 * @param {Page} page
 * @param {string} name
 * @param {() => void} onRemoved
 */
async function remove(page, name, onRemoved) {
  const isSure = await confirmed(page, {
    title: "Remove this server?",
    text: html`${said(name)} leaves the gateway, with its stored entry. Clients lose its tools, and
      its programs are stopped.`,
    action: "Remove",
  });
  if (!isSure) return;
  const isDone = await during(page, name, async () => {
    await page.api.call("DELETE", pathOf(name));
    await page.load("status");
    return `Removed ${name}`;
  });
  if (isDone) onRemoved();
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
