/** How a bound is shared among pieces of different sizes. */

/**
 * How much each piece gets of `total`: small pieces all that they have, the others the same. Where
 * there are too many for `least` each, the last ones get nothing.
 */
export function shareOut(sizes: readonly number[], total: number, least: number): number[] {
  let taken = 0;
  let count = 0;
  for (const size of sizes) {
    const next = taken + Math.min(size, least);
    if (next > total) break;
    taken = next;
    count += 1;
  }
  const share = largestShare(sizes.slice(0, count), total);
  return sizes.map((size, at) => at < count ? Math.min(size, share) : 0);
}

/** The largest maximum that lets all sizes fit. */
function largestShare(sizes: readonly number[], total: number): number {
  let left = total;
  const growing = sizes.toSorted((one, other) => one - other);
  for (const [at, size] of growing.entries()) {
    const share = Math.floor(left / (growing.length - at));
    if (size > share) return share;
    left -= size;
  }
  return Infinity;
}
