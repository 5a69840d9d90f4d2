/**
 * The optional members by which clients and servers describe themselves: names, icons,
 * capabilities. Follows `Implementation`, `Icon` and the capabilities of 2024-11-05 to 2026-07-28.
 */
import type { JsonObject } from "../model.ts";
import { each, entries, members, object, type Reader, value } from "./absent.ts";
import { isAbsent, isJsonObject, isSafeText } from "./jsonrpc.ts";

/** An icon. */
export const icon = members({ mimeType: value, sizes: each(value), theme: value });
/** How something with a name is shown. */
export const shown = { title: value, description: value, icons: each(icon) };
/** The name and version of a client or server (`clientInfo`, `serverInfo`). */
export const info = members({ ...shown, websiteUrl: value, version: value });

/** Capabilities, in which each member is an object; undefined if they are not an object. */
export function cleanCapabilities(given: unknown): JsonObject | undefined {
  const read = isAbsent(given) ? {} : capabilities(given);
  return isJsonObject(read) ? read : undefined;
}

/** The name and version of a client or server; undefined if they are not an object. */
export function cleanInfo(given: unknown): JsonObject | undefined {
  const read = isAbsent(given) ? undefined : info(given);
  return isJsonObject(read) ? read : undefined;
}

/** Within a capability everything is a flag or an object. */
const detail: Reader = (given) => Array.isArray(given) ? {} : details(given);
const details: Reader = entries((given) => detail(given));

/** A list, or `true`, declares a capability just as an object does; `false` does not. */
const declared = (inner: Reader): Reader => (given) => {
  if (given === true || Array.isArray(given)) return {};
  return isJsonObject(given) ? inner(given) : undefined;
};

const capability = declared(details);
/** Each entry is a capability by a vendor's name, whose details are the vendor's. */
const vendors = declared(entries(declared(object)));
/** The same by identifiers, one with control characters is none. */
const extensions: Reader = (given) => {
  const read = vendors(given);
  if (!isJsonObject(read) || Object.keys(read).every(isSafeText)) return read;
  return Object.fromEntries(Object.entries(read).filter(([id]) => isSafeText(id)));
};
/** Capabilities whose members are named by vendors. */
const byVendors: ReadonlyMap<string, Reader> = new Map([
  ["experimental", vendors],
  ["extensions", extensions],
]);

function capabilities(given: unknown): unknown {
  if (!isJsonObject(given)) return given;
  const read = Object.entries(given).map(([name, member]): [string, unknown] => [
    name,
    (byVendors.get(name) ?? capability)(member),
  ]);
  return Object.fromEntries(read.filter(([, member]) => member !== undefined));
}
