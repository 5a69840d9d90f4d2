/**
 * The difference of two texts, line by line, as a person reads it: what went, what came, and a few
 * lines around. Long texts are compared only between their common beginning and end.
 */
import { bounds } from "./bounds.js";

/**
 * One line of a difference; `hidden` stands for so many unchanged ones.
 * @typedef {{ readonly kind: "same" | "removed" | "added", readonly text: string }
 *   | { readonly kind: "hidden", readonly count: number }} DifferenceLine
 */

/**
 * @param {string} before
 * @param {string} after
 * @returns {DifferenceLine[]}
 */
export function difference(before, after) {
  const [old, next] = [linesOf(before), linesOf(after)];
  let start = 0;
  while (start < old.length && start < next.length && old[start] === next[start]) start += 1;
  let end = 0;
  while (
    end < old.length - start && end < next.length - start && old.at(-1 - end) === next.at(-1 - end)
  ) end += 1;
  const middle = compare(old.slice(start, old.length - end), next.slice(start, next.length - end));
  return hideSame([
    ...old.slice(0, start).map(same),
    ...middle,
    ...old.slice(old.length - end).map(same),
  ]);
}

/** @param {string} text */
const linesOf = (text) => text === "" ? [] : text.split("\n");

/** @typedef {Exclude<DifferenceLine, { kind: "hidden" }>} ShownLine */

/** @type {(text: string) => ShownLine} */
const same = (text) => ({ kind: "same", text });
/** @type {(text: string) => ShownLine} */
const removed = (text) => ({ kind: "removed", text });
/** @type {(text: string) => ShownLine} */
const added = (text) => ({ kind: "added", text });

/**
 * The longest common subsequence of lines decides; for texts beyond the bound, all of them changed.
 * @param {readonly string[]} old
 * @param {readonly string[]} next
 * @returns {ShownLine[]}
 */
function compare(old, next) {
  const linesMax = bounds.differenceLinesMax;
  if (old.length > linesMax || next.length > linesMax) {
    return [...old.map(removed), ...next.map(added)];
  }
  const common = commonLengths(old, next);
  /** @type {ShownLine[]} */
  const lines = [];
  let [i, j] = [0, 0];
  while (i < old.length && j < next.length) {
    if (old[i] === next[j]) {
      lines.push(same(old[i] ?? ""));
      i += 1;
      j += 1;
    } else if (at(common, i + 1, j) >= at(common, i, j + 1)) {
      lines.push(removed(old[i] ?? ""));
      i += 1;
    } else {
      lines.push(added(next[j] ?? ""));
      j += 1;
    }
  }
  return [...lines, ...old.slice(i).map(removed), ...next.slice(j).map(added)];
}

/**
 * For each pair of places, how many lines the rests have in common.
 * @param {readonly string[]} old
 * @param {readonly string[]} next
 */
function commonLengths(old, next) {
  const common = Array.from({ length: old.length + 1 }, () => new Uint16Array(next.length + 1));
  for (let i = old.length - 1; i >= 0; i -= 1) {
    const row = common[i];
    if (row === undefined) continue;
    for (let j = next.length - 1; j >= 0; j -= 1) {
      row[j] = old[i] === next[j]
        ? at(common, i + 1, j + 1) + 1
        : Math.max(at(common, i + 1, j), at(common, i, j + 1));
    }
  }
  return common;
}

/**
 * @param {readonly Uint16Array[]} table
 * @param {number} i
 * @param {number} j
 */
const at = (table, i, j) => table[i]?.[j] ?? 0;

/**
 * Unchanged lines far from any change become a count.
 * @param {readonly ShownLine[]} lines
 * @returns {DifferenceLine[]}
 */
function hideSame(lines) {
  const { differenceContext: context } = bounds;
  const isNear = lines.map(() => false);
  for (const [index, { kind }] of lines.entries()) {
    if (kind === "same") continue;
    isNear.fill(true, Math.max(0, index - context), index + context + 1);
  }
  /** @type {DifferenceLine[]} */
  const shown = [];
  let hidden = 0;
  const close = () => {
    if (hidden > 0) shown.push({ kind: "hidden", count: hidden });
    hidden = 0;
  };
  for (const [index, line] of lines.entries()) {
    if (isNear[index]) {
      close();
      shown.push(line);
    } else hidden += 1;
  }
  close();
  return shown;
}

/**
 * A value as text that compares well: JSON with one member a line, and members in one order.
 * @param {unknown} value
 */
export function comparable(value) {
  if (value === undefined) return "";
  if (typeof value === "string") return value;
  return JSON.stringify(inOrder(value), undefined, 2);
}

/**
 * @param {unknown} value
 * @returns {unknown}
 */
function inOrder(value) {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1);
  return Object.fromEntries(members.map(([key, member]) => [key, inOrder(member)]));
}
