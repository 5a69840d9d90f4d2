/**
 * The lists of one server: its tools, prompts, resources and templates, fetched by the page's client
 * when they are first looked at, and again on demand.
 */

/** @import { JsonObject, McpClient } from "./mcp.js" */

/** @typedef {"tools" | "prompts" | "resources" | "templates"} ListName */

/** @type {Readonly<Record<ListName, readonly [method: string, key: string]>>} */
const methods = {
  tools: ["tools/list", "tools"],
  prompts: ["prompts/list", "prompts"],
  resources: ["resources/list", "resources"],
  templates: ["resources/templates/list", "resourceTemplates"],
};

/**
 * One list: undefined until it is there.
 * @typedef {object} ServerItems
 * @property {(name: ListName) => readonly JsonObject[] | undefined} get
 * @property {(name: ListName) => unknown} problem why a list is missing
 * @property {() => void} reload
 */

/**
 * @param {McpClient} mcp
 * @param {() => void} changed
 * @returns {ServerItems}
 */
export function createItems(mcp, changed) {
  /** @type {Map<ListName, { items?: readonly JsonObject[], problem?: unknown }>} */
  let lists = new Map();
  const fetchList = async (/** @type {ListName} */ name) => {
    /** @type {{ items?: readonly JsonObject[], problem?: unknown }} */
    const list = {};
    lists.set(name, list);
    try {
      list.items = await mcp.list(...methods[name]);
    } catch (problem) {
      // A server that does not offer a kind at all has none of it.
      if (/** @type {any} */ (problem).code === methodNotFound) list.items = [];
      else list.problem = problem;
    }
    changed();
  };
  const listOf = (/** @type {ListName} */ name) => {
    if (!lists.has(name)) void fetchList(name);
    return lists.get(name);
  };
  return {
    get: (name) => listOf(name)?.items,
    problem: (name) => listOf(name)?.problem,
    reload() {
      lists = new Map();
      changed();
    },
  };
}

const methodNotFound = -32601;
