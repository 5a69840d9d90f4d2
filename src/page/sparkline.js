/**
 * The small chart of a server's latencies as the path of an SVG: lines between minutes with calls,
 * gaps where there was none, and a dot for a minute that stands alone. Also the latest value.
 */

/**
 * @typedef {object} Sparkline
 * @property {string} path the `d` of the line; "" where no two minutes follow each other
 * @property {readonly (readonly [number, number])[]} dots minutes that stand alone
 * @property {readonly [number, number] | undefined} last the latest value's place
 * @property {number | undefined} latest
 * @property {number | undefined} highest
 */

/** Room for the width of the line at the edges. */
const margin = 2;

/**
 * @param {readonly (number | null)[]} values oldest first; null: no value
 * @param {number} width
 * @param {number} height
 * @returns {Sparkline}
 */
export function sparkline(values, width, height) {
  const known = values.filter((value) => value !== null);
  const highest = known.length === 0 ? undefined : Math.max(...known);
  const [bottom, top] = rangeOf(known);
  const step = (width - 2 * margin) / Math.max(1, values.length - 1);
  const places = values.map((value, index) =>
    value === null ? undefined : /** @type {const} */ ([
      round(margin + index * step),
      round(height - margin - (value - bottom) / (top - bottom) * (height - 2 * margin)),
    ])
  );
  let path = "";
  /** @type {(readonly [number, number])[]} */
  const dots = [];
  for (const [index, place] of places.entries()) {
    if (place === undefined) continue;
    const [before, after] = [places[index - 1], places[index + 1]];
    if (before === undefined && after === undefined) dots.push(place);
    else path += `${before === undefined ? "M" : "L"}${place[0]} ${place[1]}`;
  }
  return {
    path,
    dots,
    last: places.findLast((place) => place !== undefined),
    latest: known.at(-1),
    highest,
  };
}

/** A chart shows no smaller differences than this part of its values: they are no news. */
const spreadMin = 0.2;

/**
 * What the height stands for: the range of the values, and not less than a part of them.
 * @param {readonly number[]} values
 * @returns {readonly [bottom: number, top: number]}
 */
function rangeOf(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const spread = Math.max(high - low, high * spreadMin) || 1;
  const middle = (low + high) / 2;
  return [middle - spread / 2, middle + spread / 2];
}

/** Tenths of a pixel suffice. @param {number} value */
const round = (value) => Math.round(value * 10) / 10;
