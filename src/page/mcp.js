/**
 * A small client of the Model Context Protocol for one server, by the gateway's own endpoint for it:
 * stateless (2026-07-28), so that nothing is left behind when the tab is closed. Answers come as
 * JSON or as a stream with progress and log notices; a call that asks something is sent again with
 * the answers. Leaving a stream cancels its call.
 */
import { bounds } from "./bounds.js";
import { argumentHeaders, headerText } from "./mcp_headers.js";
import { isObject } from "./schema_form.js";
import { readEvents } from "./sse.js";

const revision = "2026-07-28";
const prefix = "io.modelcontextprotocol/";

/** The media type of an app's page, as hosts declare it. */
export const appType = "text/html;profile=mcp-app";

/** What the page can do for a server during a call. */
const capabilities = {
  elicitation: { form: {}, url: {} },
  extensions: { "io.modelcontextprotocol/ui": { mimeTypes: [appType] } },
};

/** An error that the server, or the gateway in front of it, answered with. */
export class McpError extends Error {
  /**
   * @param {number} code of JSON-RPC
   * @param {string} message
   * @param {unknown} [data]
   */
  constructor(code, message, data) {
    super(message);
    this.name = "McpError";
    this.code = code;
    this.data = data;
  }
}

/** @typedef {{ readonly [key: string]: unknown }} JsonObject */

/**
 * What a call can be accompanied by.
 * @typedef {object} CallOptions
 * @property {AbortSignal} [signal] cancels the call
 * @property {unknown} [schema] the input schema of the tool that is called
 * @property {(progress: JsonObject) => void} [onProgress]
 * @property {(notice: JsonObject) => void} [onLog]
 * @property {(question: Question) => Promise<JsonObject>} [onAsk] answers what the server asks
 */

/**
 * One question of the server: `elicitation/create` with its parameters.
 * @typedef {{ readonly method: string, readonly params: JsonObject }} Question
 */

/**
 * @typedef {object} McpClient
 * @property {(method: string, params?: JsonObject, options?: CallOptions) => Promise<JsonObject>} request
 * @property {(method: string, key: string) => Promise<JsonObject[]>} list all pages of a list
 */

/**
 * Makes the client of one server.
 * @param {import("./api.js").Api["send"]} send
 * @param {string} server
 * @param {() => string} version of the gateway, by which the page names itself
 * @returns {McpClient}
 */
export function createMcp(send, server, version) {
  let lastId = 0;
  const path = `/admin/servers/${encodeURIComponent(server)}/mcp`;

  /** @type {McpClient["request"]} */
  const request = async (method, params = {}, options = {}) => {
    /** @type {JsonObject} */
    let more = {};
    for (let round = 0; round <= bounds.roundsMax; round += 1) {
      const id = lastId += 1;
      const result = await exchange({ send, path, version: version(), id, method }, {
        ...params,
        ...more,
      }, options);
      if (result["resultType"] !== "input_required") return result;
      more = await answersTo(result, options.onAsk);
    }
    throw new McpError(0, `The server asked more than ${bounds.roundsMax} times in one call`);
  };

  return {
    request,
    async list(method, key) {
      /** @type {JsonObject[]} */
      const items = [];
      /** @type {unknown} */
      let cursor;
      for (let page = 0; page < bounds.listPagesMax; page += 1) {
        const result = await request(method, cursor === undefined ? {} : { cursor });
        const found = result[key];
        if (Array.isArray(found)) items.push(...found.filter(isObject));
        cursor = result["nextCursor"];
        if (typeof cursor !== "string") break;
      }
      return items;
    },
  };
}

/**
 * @typedef {object} Message
 * @property {import("./api.js").Api["send"]} send
 * @property {string} path
 * @property {string} version
 * @property {number} id
 * @property {string} method
 */

/**
 * One request and its answer.
 * @param {Message} message
 * @param {JsonObject} params
 * @param {CallOptions} options
 * @returns {Promise<JsonObject>}
 */
async function exchange({ send, path, version, id, method }, params, options) {
  const meta = {
    [`${prefix}protocolVersion`]: revision,
    [`${prefix}clientInfo`]: { name: "mcp-wrapper page", version },
    [`${prefix}clientCapabilities`]: capabilities,
    ...(options.onLog === undefined ? {} : { [`${prefix}logLevel`]: "debug" }),
    ...(options.onProgress === undefined ? {} : { progressToken: id }),
  };
  const response = await send(path, {
    method: "POST",
    headers: headersOf(method, params, options.schema),
    body: JSON.stringify({ jsonrpc: "2.0", id, method, params: { ...params, _meta: meta } }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
  const answer = isStream
    ? await fromStream(response, id, options)
    : await response.json().catch(() => undefined);
  return resultOf(answer, response.status);
}

/**
 * @param {string} method
 * @param {JsonObject} params
 * @param {unknown} schema
 * @returns {Record<string, string>}
 */
function headersOf(method, params, schema) {
  const name = method === "resources/read" ? params["uri"] : params["name"];
  const isNamed = /^(?:tools\/call|prompts\/get|resources\/read)$/.test(method);
  return {
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    "mcp-protocol-version": revision,
    "mcp-method": method,
    ...(isNamed && typeof name === "string" ? { "mcp-name": headerText(name) } : {}),
    ...argumentHeaders(schema, params["arguments"]),
  };
}

/**
 * The answer at the end of a stream; notices before it go to the options.
 * @param {Response} response
 * @param {number} id
 * @param {CallOptions} options
 */
async function fromStream(response, id, { onProgress, onLog }) {
  /** @type {JsonObject | undefined} */
  let answer;
  await readEvents(response, (data) => {
    const message = parsed(data);
    if (message === undefined) return;
    const params = isObject(message["params"]) ? message["params"] : {};
    if (message["method"] === "notifications/progress") onProgress?.(params);
    else if (message["method"] === "notifications/message") onLog?.(params);
    else if (message["id"] === id) answer = message;
  });
  return answer;
}

/**
 * @param {string} data
 * @returns {JsonObject | undefined}
 */
function parsed(data) {
  try {
    const value = JSON.parse(data);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * @param {unknown} answer
 * @param {number} status
 * @returns {JsonObject}
 */
function resultOf(answer, status) {
  if (!isObject(answer)) {
    throw new McpError(0, status < 400 ? "The answer did not come" : `HTTP status ${status}`);
  }
  const { result, error } = answer;
  if (isObject(result)) return result;
  const { code, message, data } = isObject(error) ? error : {};
  const number = typeof code === "number" ? code : 0;
  throw new McpError(number, typeof message === "string" ? message : "Unknown error", data);
}

/**
 * Asks for everything that a result asks for, one question after the other.
 * @param {JsonObject} result
 * @param {CallOptions["onAsk"]} onAsk
 * @returns {Promise<JsonObject>} what the call is sent again with
 */
async function answersTo({ inputRequests, requestState }, onAsk) {
  if (onAsk === undefined) {
    throw new McpError(0, "The server asks something, which is no call here");
  }
  /** @type {Record<string, JsonObject>} */
  const inputResponses = {};
  for (const [key, question] of Object.entries(isObject(inputRequests) ? inputRequests : {})) {
    const { method, params } = isObject(question) ? question : {};
    inputResponses[key] = await onAsk({
      method: String(method),
      params: isObject(params) ? params : {},
    });
  }
  return { inputResponses, ...(requestState === undefined ? {} : { requestState }) };
}
