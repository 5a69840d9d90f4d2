/**
 * One tool, prompt, resource or template of a server: what it says about itself, and a way to try
 * it. Its names and texts are the server's, and shown as text alone.
 */
import { appUri, openApp } from "./app_host.js";
import { jsonView } from "./json_view.js";
import { longText, said } from "./page.js";
import { contentsView, promptResult, toolResult } from "./result_view.js";
import { isObject } from "./schema_form.js";
import { createTrial } from "./trial.js";
import { filled, namesIn } from "./uri_template.js";
import { html, nothing } from "./vendor/lit-html.js";

/** @import { AppHost } from "./app_host.js" */
/** @import { JsonObject, McpClient } from "./mcp.js" */
/** @import { Page } from "./page.js" */
/** @import { ListName, ServerItems } from "./server_items.js" */
/** @import { Trial } from "./trial.js" */

/**
 * @typedef {object} ItemParts
 * @property {Page} page
 * @property {McpClient} mcp
 * @property {string} server
 * @property {ServerItems} items
 * @property {(uri: string) => void} read shows a resource
 */

/**
 * Details while they are shown.
 * @typedef {{ readonly item: JsonObject, readonly show: () => unknown, readonly close: () => void }} Details
 */

/** By the list that an item is in. */
/** @type {Readonly<Record<ListName, (parts: ItemParts, item: JsonObject) => Details>>} */
export const detailsOf = {
  tools: toolDetails,
  prompts: promptDetails,
  resources: resourceDetails,
  templates: templateDetails,
};

/** What a tool's annotations say, in words. @type {readonly (readonly [string, string, string])[]} */
const annotationWords = [
  ["readOnlyHint", "only reads", "writes"],
  ["destructiveHint", "may destroy", "destroys nothing"],
  ["idempotentHint", "safe to repeat", ""],
  ["openWorldHint", "reaches the outside", "stays within the server"],
];

/**
 * @param {ItemParts} parts
 * @param {JsonObject} tool
 * @returns {Details}
 */
function toolDetails(parts, tool) {
  const { page, mcp, server, items } = parts;
  /** @type {AppHost | undefined} */
  let app;
  const uri = appUri(tool);
  const tools = () => items.get("tools") ?? [];
  const trial = createTrial(page, {
    server,
    schema: tool["inputSchema"],
    action: "Run",
    run: (args, options) =>
      mcp.request("tools/call", { name: tool["name"], arguments: args }, {
        ...options,
        schema: tool["inputSchema"],
      }),
    showResult: (result) => toolResult({ page, read: parts.read }, result),
    between: () => app?.show(),
    onStart(args) {
      app?.close();
      app = uri === undefined ? undefined : openApp({ page, mcp, tool, tools }, uri);
      app?.sendInput(args);
    },
    onEnd(result) {
      if (result === undefined) app?.sendCancelled("The call did not succeed");
      else app?.sendResult(result);
    },
  });
  return {
    item: tool,
    show: () =>
      html`${head(page, tool)}
        ${annotations(tool)}
        ${
        uri === undefined
          ? nothing
          : html`<p class="sub">Its result has an app, which opens with the call.</p>`
      }
        ${trial.show()}
        ${schemas(page, tool)}`,
    close() {
      trial.close();
      app?.close();
    },
  };
}

/** @param {JsonObject} tool */
function annotations({ annotations: given }) {
  if (!isObject(given)) return nothing;
  const words = annotationWords.flatMap(([key, yes, no]) => {
    const value = given[key];
    const word = value === true ? yes : value === false ? no : "";
    return word === "" ? [] : [word];
  });
  return words.length === 0
    ? nothing
    : html`<ul class="chips" aria-label="What the server says of it">${
      words.map((word) => html`<li>${word}</li>`)
    }</ul>`;
}

/**
 * @param {Page} page
 * @param {JsonObject} tool
 */
function schemas(page, tool) {
  const shown = /** @type {const} */ ([
    ["Input schema", tool["inputSchema"]],
    ["Output schema", tool["outputSchema"]],
    ["_meta", tool["_meta"]],
  ]);
  return shown.map(([title, value]) =>
    value === undefined
      ? nothing
      : html`<details class="whole"><summary>${title}</summary>${jsonView(page, value)}</details>`
  );
}

/**
 * @param {Page} page
 * @param {JsonObject} item
 */
function head(page, item) {
  const { name, title, uri, uriTemplate, mimeType, description } = item;
  const address = uri ?? uriTemplate;
  return html`<h2 tabindex="-1">${said(title ?? name ?? address)}</h2>
    <p class="sub mono wrap">${said(address ?? name)} ${
    mimeType === undefined ? nothing : said(mimeType, 60)
  }</p>
    ${
    typeof description === "string" ? longText(page, item, "description", description) : nothing
  }`;
}

/**
 * @param {ItemParts} parts
 * @param {JsonObject} prompt
 * @returns {Details}
 */
function promptDetails({ page, mcp, server, read }, prompt) {
  const given = Array.isArray(prompt["arguments"]) ? prompt["arguments"].filter(isObject) : [];
  const trial = createTrial(page, {
    server,
    schema: textSchema(given),
    action: "Get",
    run: (args, options) =>
      mcp.request("prompts/get", { name: prompt["name"], arguments: args }, options),
    showResult: (result) => promptResult({ page, read }, result),
  });
  return simple(page, prompt, trial);
}

/**
 * A schema of an object whose members are all texts.
 * @param {readonly JsonObject[]} members
 */
const textSchema = (members) => ({
  type: "object",
  properties: Object.fromEntries(
    members.map(({ name, title, description }) => [
      String(name),
      { type: "string", title, description },
    ]),
  ),
  required: members.filter(({ required }) => required === true).map(({ name }) => String(name)),
});

/**
 * @param {Page} page
 * @param {JsonObject} item
 * @param {Trial} trial
 * @returns {Details}
 */
const simple = (page, item, trial) => ({
  item,
  show: () => html`${head(page, item)}${trial.show()}`,
  close: () => trial.close(),
});

/**
 * @param {ItemParts} parts
 * @param {JsonObject} resource
 * @returns {Details}
 */
function resourceDetails({ page, mcp, server }, resource) {
  const trial = createTrial(page, {
    server,
    schema: undefined,
    action: "Read",
    run: (_, options) => mcp.request("resources/read", { uri: resource["uri"] }, options),
    showResult: (result) => contentsOf(page, result),
  });
  return simple(page, resource, trial);
}

/**
 * @param {Page} page
 * @param {JsonObject} result
 */
const contentsOf = (page, { contents }) =>
  Array.isArray(contents)
    ? contents.filter(isObject).map((one) => contentsView(page, one))
    : nothing;

/**
 * @param {ItemParts} parts
 * @param {JsonObject} template
 * @returns {Details}
 */
function templateDetails({ page, mcp, server }, template) {
  const form = String(template["uriTemplate"]);
  const trial = createTrial(page, {
    server,
    schema: textSchema(namesIn(form).map((name) => ({ name }))),
    action: "Read",
    run: (args, options) => mcp.request("resources/read", { uri: filled(form, args) }, options),
    showResult: (result) => contentsOf(page, result),
  });
  return simple(page, template, trial);
}
