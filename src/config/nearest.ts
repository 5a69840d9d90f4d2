/**
 * Finds the known name that a mistyped one was meant to be, by edit distance. A swap of two
 * neighbours counts as one edit; letter case costs nothing.
 */

/** The nearest known name, or undefined if none is near enough. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  const editsMax = name.length <= 4 ? 1 : name.length <= 9 ? 2 : 3;
  let best: string | undefined;
  let bestEdits = editsMax + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) >= bestEdits) continue;
    const edits = countEdits(name.toLowerCase(), candidate.toLowerCase());
    if (edits < bestEdits) [best, bestEdits] = [candidate, edits];
  }
  return best;
}

/** How many names an advice shows. */
const namesMax = 12;

/** What to say after a name that is not there: the nearest known name, else all of them. */
export function adviseName(name: string, known: readonly string[]): string {
  const near = nearestName(name, known);
  if (near !== undefined) return `did you mean "${near}"?`;
  if (known.length === 0) return "there is none";
  const shown = known.slice(0, namesMax).join(", ");
  const more = known.length > namesMax ? ` and ${known.length - namesMax} more` : "";
  return `there ${known.length === 1 ? "is" : "are"} ${shown}${more}`;
}

function countEdits(left: string, right: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const same = left[row - 1] === right[column - 1];
      let edits = Math.min(
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + (same ? 0 : 1),
      );
      const swapped = row > 1 && column > 1 && left[row - 1] === right[column - 2] &&
        left[row - 2] === right[column - 1];
      if (swapped) edits = Math.min(edits, at(beforeLast, column - 2) + 1);
      current.push(edits);
    }
    [beforeLast, last] = [last, current];
  }
  return at(last, right.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity;
}
