/** From what a person filled in to the entry of a server, as it would stand in mcp.json. */

/**
 * What was filled in, in one of three forms.
 * @typedef {object} NewEntry
 * @property {"program" | "url" | "json"} form
 * @property {string} command
 * @property {string} args one a line
 * @property {string} env NAME=value, one a line
 * @property {string} url
 * @property {string} headers Name: value, one a line
 * @property {string} json
 */

/**
 * The entry that was filled in.
 * @param {NewEntry} filledIn
 * @returns {unknown} throws with what is missing
 */
export function entryOf({ form, command, args, env, url, headers, json }) {
  if (form === "json") {
    try {
      return JSON.parse(json);
    } catch (thrown) {
      throw new Error(`The entry is not JSON: ${/** @type {Error} */ (thrown).message}`);
    }
  }
  if (form === "url") {
    if (url.trim() === "") throw new Error("Give the URL of the server");
    const pairs = pairsOf(headers, ":", "a header as Name: value");
    return { url: url.trim(), ...(pairs === undefined ? {} : { headers: pairs }) };
  }
  if (command.trim() === "") throw new Error("Give the program that is to be started");
  const pairs = pairsOf(env, "=", "a variable as NAME=value");
  return {
    command: command.trim(),
    args: linesOf(args),
    ...(pairs === undefined ? {} : { env: pairs }),
  };
}

/** @param {string} text */
const linesOf = (text) => text.split("\n").map((line) => line.trim()).filter((line) => line !== "");

/**
 * @param {string} text
 * @param {string} separator
 * @param {string} expected
 */
function pairsOf(text, separator, expected) {
  const lines = linesOf(text);
  if (lines.length === 0) return undefined;
  return Object.fromEntries(lines.map((line) => {
    const at = line.indexOf(separator);
    if (at <= 0) throw new Error(`Cannot read "${line}": expected ${expected}`);
    return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
  }));
}
