/**
 * Identifiers and references of one schema document: what `$id`, `$anchor` and `$dynamicAnchor`
 * name, and where a `$ref` leads. Nothing outside the document is ever read, so a reference beyond
 * it leads nowhere. JSON Schema 2020-12 core 8.2 and 9.2, RFC 6901, and draft 7's anchors (`$id:
 * "#a"`).
 */
import type { JsonObject } from "../../model.ts";
import { isJsonObject } from "../jsonrpc.ts";
import { quote } from "../quote.ts";
import type { Edits } from "./edits.ts";
import { findLoop } from "./in_place.ts";
import { identifiers } from "./keywords.ts";
import { describePath, escapeKey, Unsound } from "./unsound.ts";

/** A value in the document, and the keys that lead to it. */
export interface Place {
  readonly value: unknown;
  readonly path: readonly string[];
}

/** The references of one document. */
export interface References {
  /** The base URI of the document's root. */
  readonly base: string;
  /** Notes the names of a schema; returns the base URI within it. */
  enter(schema: JsonObject, path: readonly string[], outer: string): string;
  /** Notes the names under an unknown keyword: validators look there, too. */
  look(value: unknown): void;
  /** Notes the reference that a schema has under `key`. */
  add(schema: JsonObject, key: string, base: string, path: readonly string[]): void;
  /**
   * Returns the schema that each reference leads to. `read` gets each place once and may add more
   * references. Throws Unsound for a reference that leads nowhere, or back to itself.
   */
  follow(read: (place: Place, base: string) => void): unknown[];
  /**
   * Removes all names and makes each reference a plain pointer, if clients would confuse the names
   * of this document with those of others.
   */
  forgetNames(): void;
}

interface Reference {
  readonly schema: JsonObject;
  readonly key: string;
  readonly base: string;
  readonly path: readonly string[];
}

/** Makes the references of a document; changes are noted in `edits`. */
export function createReferences(root: JsonObject, edits: Edits): References {
  const base = "document:/";
  const named = new Map<string, Place>([[base, { value: root, path: [] }]]);
  const dynamic = new Map<string, number>();
  const found: Reference[] = [];
  const targets = new Map<JsonObject, Place>();
  const holders: { readonly schema: JsonObject; readonly key: string }[] = [];
  let isShared = false;

  const name = (uri: string, place: Place): void => {
    const other = named.get(uri);
    if (other === undefined) named.set(uri, place);
    else if (other.value !== place.value && !isEqual(other.value, place.value)) {
      throw new Unsound(
        `${describePath(place.path)} has the name ${quote(uri.replace(base, ""))}, which ` +
          `${describePath(other.path)} has, too`,
      );
    }
  };
  const hold = (schema: JsonObject, key: string): void => {
    holders.push({ schema, key });
    const value = schema[key];
    // ajv shares these names between all documents, or refuses them.
    if (key === "$id" || (typeof value === "string" && !anchorName.test(value))) isShared = true;
  };
  const look: References["look"] = (value) => {
    if (Array.isArray(value)) return value.forEach(look);
    if (!isJsonObject(value)) return;
    for (const [key, member] of Object.entries(value)) {
      if (typeof member === "object") look(member);
      else if (identifiers.has(key)) {
        hold(value, key);
        isShared = true;
      }
    }
  };
  const find = (reference: string, from: string): Place | undefined => {
    const uri = toUri(reference, from);
    if (uri === undefined) return undefined;
    const { head, fragment } = uri;
    if (fragment !== "" && !fragment.startsWith("/")) return named.get(`${head}#${fragment}`);
    const resource = named.get(head);
    return resource === undefined ? undefined : followPointer(resource, fragment);
  };
  /** Inside the root's own resource, a pointer stays valid without the names. */
  const isPlain = ({ key, schema, base: from }: Reference): boolean =>
    key === "$ref" && /^#(?:$|\/)/.test(String(schema[key])) && named.get(from)?.value === root;

  return {
    base,
    enter(schema, path, outer) {
      let own = outer;
      for (const key of identifiers) {
        const value = schema[key];
        if (value === undefined) continue;
        hold(schema, key);
        if (typeof value !== "string" || value === "" || value === "#") continue;
        const place = { value: schema, path: [...path] };
        if (key === "$id") {
          const uri = toUri(value, outer);
          if (uri?.fragment === "") name(own = uri.head, place);
          else if (uri !== undefined) name(`${uri.head}#${uri.fragment}`, place);
        } else name(`${own}#${value}`, place);
        if (key === "$dynamicAnchor") dynamic.set(value, (dynamic.get(value) ?? 0) + 1);
      }
      return own;
    },
    look,
    add: (schema, key, from, path) => void found.push({ schema, key, base: from, path: [...path] }),
    follow(read) {
      const known = new Map<string, Place>();
      for (const reference of found) {
        const { schema, key, base: from, path } = reference;
        const text = String(schema[key]);
        const id = `${from} ${text}`;
        const place = known.get(id) ?? find(text, from);
        const isOne = key !== "$dynamicRef" || (dynamic.get(text.slice(1)) ?? 1) === 1;
        if (place === undefined || !isOne || targets.has(schema)) {
          throw new Unsound(
            `${describePath(path)} is ${
              quote(text)
            }, expected a reference to one schema of its document`,
          );
        }
        targets.set(schema, place);
        if (!known.has(id)) {
          known.set(id, place);
          read(place, from);
        }
      }
      const loop = findLoop(targets);
      if (loop === undefined) return [...targets.values()].map(({ value }) => value);
      const path = found.find(({ schema }) => schema === loop)?.path ?? [];
      throw new Unsound(`${describePath(path)} leads back to itself`);
    },
    forgetNames() {
      if (!isShared) return;
      for (const { schema, key } of holders) edits.remove(schema, key);
      for (const reference of found) {
        const { schema, key } = reference;
        if (isPlain(reference)) continue;
        edits.remove(schema, key);
        edits.set(schema, "$ref", toPointer(targets.get(schema)?.path ?? []));
      }
    },
  };
}

/** What ajv accepts as an anchor. */
const anchorName = /^[a-z_][-a-z0-9._]*$/i;

/** A path as a reference. */
function toPointer(path: readonly string[]): string {
  const keys = path.map((key) => `/${encodeURIComponent(escapeKey(key)).replaceAll("%24", "$")}`);
  return `#${keys.join("")}`;
}

/** What a pointer leads to. Readers disagree on whether `%2F` separates keys. */
export function followPointer({ value, path }: Place, pointer: string): Place | undefined {
  if (/%2f/i.test(pointer)) return undefined;
  const keys: string[] = [];
  let here = value;
  try {
    for (const part of pointer.split("/").slice(1)) {
      const key = decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
      if (typeof here !== "object" || here === null || !Object.hasOwn(here, key)) return undefined;
      here = (here as JsonObject)[key];
      keys.push(key);
    }
  } catch {
    return undefined;
  }
  return { value: here, path: [...path, ...keys] };
}

/** A reference as an absolute URI; its fragment stays as written. */
function toUri(reference: string, base: string): { head: string; fragment: string } | undefined {
  const mark = reference.indexOf("#");
  const before = mark < 0 ? reference : reference.slice(0, mark);
  const fragment = mark < 0 ? "" : reference.slice(mark + 1);
  if (before === "") return { head: base, fragment };
  try {
    return { head: new URL(before, base).href, fragment };
  } catch {
    return undefined;
  }
}

function isEqual(left: unknown, right: unknown): boolean {
  return isJsonObject(left) && JSON.stringify(left) === JSON.stringify(right);
}
