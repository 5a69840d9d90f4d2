/**
 * The fingerprint of a tool: SHA-256 of what a model and a person read of it, as canonical JSON. The
 * order of members, and of lists that JSON Schema reads as sets, makes no difference. `icons`,
 * `execution` and `_meta` are no part of it: hosts use them, and some servers change them at each
 * start. Also the definition that is kept to show a difference.
 */
import { type Clock, sleep } from "../../clock.ts";
import { quoteJson, truncate } from "../../excerpt.ts";
import { isJsonObject, toCanonicalJson } from "../../json.ts";
import type { Limits } from "../../limits.ts";
import type { JsonObject } from "../../model.ts";

/** The members that count. */
const members = [
  "name",
  "title",
  "description",
  "inputSchema",
  "outputSchema",
  "annotations",
] as const;

/** Lists of texts in schemas of which only the items count. */
const sets: ReadonlySet<string> = new Set(["required", "enum", "type"]);

function partsOf(tool: JsonObject): JsonObject {
  const parts = members.flatMap((name) =>
    tool[name] === undefined ? [] : [[name, tool[name]] as const]
  );
  return Object.fromEntries(parts);
}

function withoutOrder(key: string, value: unknown): unknown {
  if (!sets.has(key) || !Array.isArray(value)) return value;
  return value.every((item) => typeof item === "string") ? value.toSorted() : value;
}

/** The fingerprint of a tool, in hex. */
export function fingerprintOf(tool: JsonObject, sha256: (text: string) => string): string {
  return sha256(toCanonicalJson(partsOf(tool), withoutOrder));
}

/** What hashing works with. */
export interface FingerprintOptions {
  readonly clock: Clock;
  readonly limits: Pick<Limits, "readTurnMs">;
  readonly sha256: (text: string) => string;
}

/** The fingerprints of a list, in its order. Other work runs in between for a long list. */
export async function fingerprintsOf(
  tools: readonly JsonObject[],
  { clock, limits, sha256 }: FingerprintOptions,
): Promise<string[]> {
  const prints: string[] = [];
  let turn = clock.monotonic();
  for (const tool of tools) {
    prints.push(fingerprintOf(tool, sha256));
    if (clock.monotonic() - turn < limits.readTurnMs) continue;
    await sleep(clock, 0);
    turn = clock.monotonic();
  }
  return prints;
}

/** The definition of a tool as JSON of limited length, whose longer members are cut texts. */
export function toDefinition(tool: JsonObject, charsMax: number): string {
  const parts = partsOf(tool);
  let text = JSON.stringify(parts);
  // Escapes make a text longer by an unknown factor.
  for (let share = charsMax; text.length > charsMax && share > 1; share /= 2) {
    text = JSON.stringify(withCut(parts, Math.floor(share)));
  }
  return text;
}

/** The members, of which those that are longer than `charsMax` are cut texts. */
function withCut(parts: JsonObject, charsMax: number): JsonObject {
  const cut = Object.entries(parts).map(([name, value]) => {
    if (typeof value === "string") return [name, truncate(value, charsMax)];
    const isShort = JSON.stringify(value).length <= charsMax;
    return [name, isShort ? value : quoteJson(value, charsMax)];
  });
  return Object.fromEntries(cut);
}

/** A stored definition as an object; undefined if it is none. */
export function readDefinition(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
