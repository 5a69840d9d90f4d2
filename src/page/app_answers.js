/**
 * What an app may ask of this page (MCP Apps, 2026-01-26): the tools and resources of its own server,
 * and a link, which a person confirms. Everything else is refused.
 */
import { isWebUrl, openOutside } from "./ask_dialog.js";
import { bounds } from "./bounds.js";
import { confirmed, marked } from "./page.js";
import { isObject } from "./schema_form.js";
import { html } from "./vendor/lit-html.js";

/** @import { AppParts } from "./app_host.js" */
/** @import { JsonObject } from "./mcp.js" */
/** @import { Page } from "./page.js" */

const revision = "2026-01-26";
const methodNotFound = -32601;

/**
 * @typedef {object} AppState
 * @property {AppParts} parts
 * @property {HTMLIFrameElement} frame
 * @property {string} html of the server's page, until the frame asks for it
 * @property {boolean} isReady whether the app has said that it takes messages
 * @property {(readonly [method: string, params: JsonObject])[]} waiting what it gets then
 * @property {number} running requests to the server under way
 * @property {boolean} isAsking whether a person is asked about a link
 * @property {string[]} calls what it has called
 * @property {string} problem
 */

/**
 * The answer to a request of the app; throws for what it may not do.
 * @param {AppState} state
 * @param {string} method
 * @param {JsonObject} params
 * @returns {Promise<JsonObject>}
 */
export async function answer(state, method, params) {
  const { page, mcp } = state.parts;
  switch (method) {
    case "ui/initialize":
      return greeting(state);
    case "ping":
      return {};
    case "tools/call":
      return await callTool(state, params);
    case "resources/read":
      return await within(state, () => mcp.request("resources/read", { uri: params["uri"] }));
    case "ui/request-display-mode":
      return { mode: "inline" };
    case "ui/open-link":
      return { isError: !await askOnce(state, () => openLink(page, String(params["url"]))) };
    default:
      throw Object.assign(new Error(`This page does not serve ${method}`), {
        code: methodNotFound,
      });
  }
}

/** @param {AppState} state */
function greeting({ parts: { tool }, frame }) {
  return {
    protocolVersion: revision,
    hostInfo: { name: "mcp-wrapper page", version: "1" },
    hostCapabilities: { openLinks: {}, serverTools: {}, serverResources: {} },
    hostContext: {
      toolInfo: { tool },
      theme: matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light",
      displayMode: "inline",
      availableDisplayModes: ["inline"],
      containerDimensions: { maxWidth: frame.clientWidth, maxHeight: bounds.appHeightMax },
      locale: navigator.language,
      timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      platform: "web",
    },
  };
}

/**
 * Calls a tool of the app's own server, unless the server keeps it for models alone.
 * @param {AppState} state
 * @param {JsonObject} params
 */
async function callTool(state, { name, arguments: args }) {
  const { page, mcp, tools } = state.parts;
  const tool = tools().find((one) => one["name"] === name);
  if (tool === undefined) throw new Error("The server has no such tool");
  if (!admitsApps(tool)) throw new Error("The server does not let apps call this tool");
  const call = () =>
    mcp.request("tools/call", { name, ...(isObject(args) ? { arguments: args } : {}) }, {
      schema: tool["inputSchema"],
    });
  return await within(state, () => {
    state.calls = [...state.calls, String(name)].slice(-bounds.appCallsShownMax);
    page.redraw();
    return call();
  });
}

/**
 * A request to the server, within the number that an app may have at the same time.
 * @param {AppState} state
 * @param {() => Promise<JsonObject>} work
 */
async function within(state, work) {
  if (state.running >= bounds.appCallsMax) throw new Error("Too many calls at the same time");
  state.running += 1;
  try {
    return await work();
  } finally {
    state.running -= 1;
  }
}

/**
 * One question at a time: an app that asks without end would cover the page with dialogs.
 * @param {AppState} state
 * @param {() => Promise<boolean>} ask
 */
async function askOnce(state, ask) {
  if (state.isAsking) throw new Error("A person is being asked about another link");
  state.isAsking = true;
  try {
    return await ask();
  } finally {
    state.isAsking = false;
  }
}

/** @param {JsonObject} tool */
function admitsApps({ _meta: meta }) {
  const ui = isObject(meta) ? meta["ui"] : undefined;
  const visibility = isObject(ui) ? ui["visibility"] : undefined;
  return visibility === undefined || (Array.isArray(visibility) && visibility.includes("app"));
}

/**
 * @param {Page} page
 * @param {string} url
 */
async function openLink(page, url) {
  if (!isWebUrl(url)) return false;
  const isWanted = await confirmed(page, {
    title: "Open this page?",
    text: html`The app wants to open <span class="mono wrap">${
      marked(url.slice(0, bounds.textCharsMax))
    }</span>`,
    action: "Open",
  });
  if (isWanted) openOutside(url);
  return isWanted;
}
