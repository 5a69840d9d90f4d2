/**
 * Which view the address names: `#/servers/files/tools/read?…` as a path of parts and its
 * parameters, and back. The code of a one-time link has another form (`#code=…`).
 */

/**
 * @typedef {object} Route
 * @property {readonly string[]} parts decoded; the first names the view
 * @property {Readonly<Record<string, string>>} params
 */

/**
 * The route of a fragment; undefined if it names none.
 * @param {string} fragment with its "#", as `location.hash` has it
 * @returns {Route | undefined}
 */
export function routeOf(fragment) {
  if (!fragment.startsWith("#/")) return undefined;
  const [path = "", query = ""] = fragment.slice(2).split("?", 2);
  const parts = path.split("/").filter((part) => part !== "").map(decoded);
  return { parts, params: Object.fromEntries(new URLSearchParams(query)) };
}

/** @param {string} part */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/**
 * The fragment of a route.
 * @param {readonly string[]} parts
 * @param {Readonly<Record<string, string>>} [params]
 */
export function linkTo(parts, params = {}) {
  const query = new URLSearchParams(params).toString();
  const path = parts.map((part) => encodeURIComponent(part)).join("/");
  return `#/${path}${query === "" ? "" : `?${query}`}`;
}

/**
 * The code of a one-time link in a fragment.
 * @param {string} fragment
 * @returns {string | undefined}
 */
export const codeOf = (fragment) => /^#code=([\w-]+)$/.exec(fragment)?.[1];
