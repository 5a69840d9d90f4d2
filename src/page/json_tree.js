/**
 * A JSON value as lines that can be folded: what is on the line of each value, and its members, no
 * more than can be shown at once. Not here: markup (json_view.js).
 */
import { bounds } from "./bounds.js";

/**
 * @typedef {object} TreeNode
 * @property {"object" | "list" | "string" | "number" | "boolean" | "null"} kind
 * @property {string} text the value itself, or how much it holds: "3 members"
 * @property {boolean} isOpen whether it begins unfolded
 */

/**
 * One member: its key or place, and its value.
 * @typedef {{ readonly key: string, readonly value: unknown }} TreeMember
 */

/** A value with so few members near the top begins unfolded. */
const openMembersMax = 20;
const openDepthMax = 2;

/**
 * @param {unknown} value parsed from JSON
 * @param {number} depth of the value in its tree; 0 is the root
 * @returns {TreeNode}
 */
export function nodeOf(value, depth) {
  if (Array.isArray(value)) {
    return { kind: "list", text: words(value.length, "item"), isOpen: opens(value.length, depth) };
  }
  if (typeof value === "object" && value !== null) {
    const length = Object.keys(value).length;
    return { kind: "object", text: words(length, "member"), isOpen: opens(length, depth) };
  }
  if (value === null || value === undefined) return { kind: "null", text: "null", isOpen: false };
  const kind = typeof value;
  return {
    kind: kind === "number" || kind === "boolean" ? kind : "string",
    text: kind === "string" ? JSON.stringify(value) : String(value),
    isOpen: false,
  };
}

/**
 * @param {number} count
 * @param {string} word
 */
const words = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

/**
 * @param {number} length
 * @param {number} depth
 */
const opens = (length, depth) =>
  length > 0 && (depth === 0 || (depth < openDepthMax && length <= openMembersMax));

/**
 * The members of a value, as many as are shown at once, and how many follow.
 * @param {unknown} value
 * @param {number} [shown] how many; more after each request for more
 * @returns {{ readonly members: readonly TreeMember[], readonly more: number }}
 */
export function membersOf(value, shown = bounds.membersMax) {
  if (Array.isArray(value)) {
    const members = value.slice(0, shown).map((item, index) => ({
      key: String(index),
      value: item,
    }));
    return { members, more: Math.max(0, value.length - shown) };
  }
  if (typeof value !== "object" || value === null) return { members: [], more: 0 };
  const keys = Object.keys(value);
  const members = keys.slice(0, shown).map((key) => ({
    key,
    value: /** @type {Record<string, unknown>} */ (value)[key],
  }));
  return { members, more: Math.max(0, keys.length - shown) };
}

/**
 * The value of a text that is a JSON object or list; undefined for any other text.
 * @param {string} text
 * @returns {object | undefined}
 */
export function jsonIn(text) {
  const start = text.trimStart()[0];
  if (start !== "{" && start !== "[") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
