/**
 * The headers in which a request of MCP repeats parts of itself (Streamable HTTP, 2026-07-28): the
 * name of what is called, and the arguments that a tool's schema marks by `x-mcp-header`.
 */
import { isObject } from "./schema_form.js";

/** What a header can hold as it is, and is not taken for an encoded text. */
const plainText = /^(?! )(?!=\?base64\?)[\x20-\x7e]+(?<! )$/;

/**
 * A text as the value of a header.
 * @param {string} text
 */
export function headerText(text) {
  if (plainText.test(text)) return text;
  const bytes = new TextEncoder().encode(text);
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return `=?base64?${btoa(binary)}?=`;
}

/** Deeper properties are not looked at. */
const depthMax = 10;

/**
 * The headers of the marked arguments.
 * @param {unknown} schema
 * @param {unknown} args
 * @param {number} [depth]
 * @returns {Record<string, string>}
 */
export function argumentHeaders(schema, args, depth = 0) {
  const properties = isObject(schema) ? schema["properties"] : undefined;
  if (!isObject(properties) || !isObject(args) || depth > depthMax) return {};
  /** @type {Record<string, string>} */
  const headers = {};
  for (const [key, property] of Object.entries(properties)) {
    if (!isObject(property) || !Object.hasOwn(args, key)) continue;
    const { [key]: value } = args;
    const mark = property["x-mcp-header"];
    const text = textOf(value);
    if (typeof mark === "string" && text !== undefined) {
      headers[`mcp-param-${mark}`] = headerText(text);
    }
    Object.assign(headers, argumentHeaders(property, value, depth + 1));
  }
  return headers;
}

/** @param {unknown} value */
function textOf(value) {
  if (typeof value === "string") return value;
  return typeof value === "boolean" || Number.isSafeInteger(value) ? String(value) : undefined;
}
