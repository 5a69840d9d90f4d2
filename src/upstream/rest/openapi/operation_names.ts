/**
 * Names of operations as tools, and of parameters as arguments: valid for every client and model
 * API, with as many of the document's own words as fit. A name depends on its own operation alone,
 * so a reordered document keeps its names. Equal names get a digest of method and path.
 */

/** The longest name that all clients accept. */
const nameCharsMax = 64;
/** `_` and eight hexadecimal digits. */
const hashChars = 9;

/** The parts of a name. */
export interface Nameable {
  readonly operationId: string | undefined;
  readonly method: string;
  readonly path: string;
}

/** A unique name for each operation, in their order. */
export async function nameOperations(operations: readonly Nameable[]): Promise<readonly string[]> {
  const wishes = operations.map(({ operationId, method, path }) =>
    toSafe(operationId ?? "") || toSafe(`${method} ${path.replace(/\{([^{}]*)\}/g, "by_$1")}`) ||
    method
  );
  const counts = new Map<string, number>();
  for (const wish of wishes) counts.set(wish, (counts.get(wish) ?? 0) + 1);
  return await Promise.all(operations.map(async ({ method, path }, at) => {
    const wish = wishes[at] ?? method;
    if (counts.get(wish) === 1 && wish.length <= nameCharsMax) return wish;
    return `${wish.slice(0, nameCharsMax - hashChars)}_${await toHash(`${method} ${path}`)}`;
  }));
}

/** Names the arguments within one operation; the first that asks for a name gets it. */
export function createArgumentNames(): (wire: string, place: string) => string {
  const taken = new Set<string>();
  /**
   * Where the search for a free name continues, so that thousands of equal names take no longer.
   */
  const rounds = new Map<string, number>();
  return (wire, place) => {
    const safe = /^[A-Za-z0-9_.-]{1,64}$/.test(wire) && wire !== "__proto__"
      ? wire
      : trim(wire.replace(/[^A-Za-z0-9_.-]+/g, "_"))
        .slice(0, nameCharsMax - hashChars) || place;
    const stem = `${safe.slice(0, nameCharsMax - hashChars)}_${place}`;
    let name = safe;
    for (let round = rounds.get(stem) ?? 1; taken.has(name); round += 1) {
      name = `${stem}${round === 1 ? "" : round}`;
      rounds.set(stem, round + 1);
    }
    taken.add(name);
    return name;
  };
}

function toSafe(text: string): string {
  return trim(text.replace(/[^A-Za-z0-9_-]+/g, "_"));
}

/** Looks behind: otherwise a long row of `_` in the middle would be read from each of them. */
function trim(text: string): string {
  return text.replace(/^_+|(?<!_)_+$/g, "");
}

async function toHash(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest, 0, 4), (byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}
