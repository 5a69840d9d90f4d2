/**
 * The host's side of MCP Apps (2026-01-26) for one app: the page of a server in a frame of an opaque
 * origin, which gets the tool's input and result and may call the tools of its own server through
 * this page's client. It never gets a token, and nothing from elsewhere: its frame has a policy of
 * its own (app_frame.html) that lets nothing be loaded.
 */
import { answer } from "./app_answers.js";
import { bounds } from "./bounds.js";
import { appType } from "./mcp.js";
import { said } from "./page.js";
import { isObject } from "./schema_form.js";
import { html, nothing } from "./vendor/lit-html.js";

/** @import { AppState } from "./app_answers.js" */
/** @import { JsonObject, McpClient } from "./mcp.js" */
/** @import { Page } from "./page.js" */

/**
 * @typedef {object} AppParts
 * @property {Page} page
 * @property {McpClient} mcp of the app's server
 * @property {JsonObject} tool that the app belongs to
 * @property {() => readonly JsonObject[]} tools of the server
 */

/**
 * One app while it is shown.
 * @typedef {object} AppHost
 * @property {() => unknown} show
 * @property {(args: JsonObject) => void} sendInput
 * @property {(result: JsonObject) => void} sendResult
 * @property {(reason: string) => void} sendCancelled
 * @property {() => void} close
 */

/**
 * The page that a tool names; undefined if it has none.
 * @param {JsonObject} tool
 * @returns {string | undefined}
 */
export function appUri({ _meta: meta }) {
  if (!isObject(meta)) return undefined;
  const ui = isObject(meta["ui"]) ? meta["ui"]["resourceUri"] : undefined;
  const uri = ui ?? meta["ui/resourceUri"];
  return typeof uri === "string" && uri.startsWith("ui://") ? uri : undefined;
}

/**
 * Opens the app of a tool: reads its page from the server and loads it into a frame.
 * @param {AppParts} parts
 * @param {string} uri
 * @returns {AppHost}
 */
export function openApp(parts, uri) {
  const frame = document.createElement("iframe");
  frame.setAttribute("sandbox", "allow-scripts");
  frame.setAttribute("title", "App of the server");
  frame.className = "app-frame";
  frame.height = "240";
  /** @type {AppState} */
  const state = {
    parts,
    frame,
    html: "",
    isReady: false,
    waiting: [],
    running: 0,
    isAsking: false,
    calls: [],
    problem: "",
  };
  const listen = (/** @type {MessageEvent} */ { source, data }) => {
    if (source === frame.contentWindow && isObject(data)) void take(state, data);
  };
  addEventListener("message", listen);
  void load(state, uri);
  const send = (/** @type {string} */ method, /** @type {JsonObject} */ params) => {
    if (state.isReady) post(state, { method, params });
    else state.waiting.push([method, params]);
  };
  return {
    show: () => appView(state),
    sendInput: (args) => send("ui/notifications/tool-input", { arguments: args }),
    sendResult: (result) => send("ui/notifications/tool-result", result),
    sendCancelled: (reason) => send("ui/notifications/tool-cancelled", { reason }),
    close() {
      removeEventListener("message", listen);
      frame.remove();
    },
  };
}

/**
 * @param {AppState} state
 * @param {string} uri
 */
async function load(state, uri) {
  const { page, mcp } = state.parts;
  try {
    const { contents } = await mcp.request("resources/read", { uri });
    const [first] = Array.isArray(contents) ? contents.filter(isObject) : [];
    if (first?.["mimeType"] !== appType) throw new Error(`Its page is not of the type ${appType}`);
    state.html = textOf(first);
    state.frame.src = "/admin/page/app_frame.html";
    setTimeout(() => {
      if (state.isReady || !state.frame.isConnected) return;
      state.problem = "The app has not answered: it may need something that this page denies it.";
      page.redraw();
    }, bounds.appStartMs);
  } catch (thrown) {
    state.problem = `Cannot show the app: ${thrown instanceof Error ? thrown.message : thrown}`;
  }
  page.redraw();
}

/** @param {JsonObject} contents */
function textOf({ text, blob }) {
  if (typeof text === "string") return text;
  const bytes = Uint8Array.from(atob(String(blob)), (character) => character.charCodeAt(0));
  return new TextDecoder().decode(bytes);
}

/**
 * The origin of the frame is opaque and cannot be named; the browser gives the message to this
 * window alone, and only this gateway's page can be in it (`frame-src`).
 * @param {AppState} state
 * @param {JsonObject} message
 */
const post = ({ frame }, message) =>
  frame.contentWindow?.postMessage({ jsonrpc: "2.0", ...message }, "*");

/**
 * A message of the frame: first the frame's own, then those of the app.
 * @param {AppState} state
 * @param {JsonObject} message
 */
async function take(state, message) {
  const { id, method, params } = message;
  if (message["type"] === "mcp-wrapper/app-ready") {
    state.frame.contentWindow?.postMessage({ type: "mcp-wrapper/app", html: state.html }, "*");
    return;
  }
  if (typeof method !== "string") return;
  const given = isObject(params) ? params : {};
  if (id === undefined) return notice(state, method, given);
  try {
    post(state, { id, result: await answer(state, method, given) });
  } catch (thrown) {
    const text = thrown instanceof Error ? thrown.message : String(thrown);
    const code = isObject(thrown) && typeof thrown["code"] === "number" ? thrown["code"] : 0;
    post(state, { id, error: { code: code === 0 ? internalError : code, message: text } });
  }
}

const internalError = -32603;

/**
 * @param {AppState} state
 * @param {string} method
 * @param {JsonObject} params
 */
function notice(state, method, params) {
  const { frame, parts, waiting } = state;
  if (method === "ui/notifications/initialized") {
    state.isReady = true;
    state.problem = "";
    for (const [name, value] of waiting.splice(0)) post(state, { method: name, params: value });
    parts.page.redraw();
  } else if (method === "ui/notifications/size-changed") {
    const height = Number(params["height"]);
    if (height > 0) frame.height = String(Math.min(Math.ceil(height), bounds.appHeightMax));
  }
}

/** @param {AppState} state */
function appView({ frame, problem, calls }) {
  return html`<section class="app" aria-label="App of the server">
    <p class="sub">The server's app runs apart from this page: it sees no token and loads nothing.</p>
    ${problem === "" ? nothing : html`<p class="problem">${said(problem)}</p>`}
    ${frame}
    ${
    calls.length === 0
      ? nothing
      : html`<p class="sub">It called ${
        calls.map((name, index) =>
          html`${index === 0 ? nothing : ", "}<span class="mono">${said(name, 60)}</span>`
        )
      }</p>`
  }
  </section>`;
}
