/**
 * How a model gets the next page: the arguments to add to its call. They come from the answer (its
 * number of pages, its total, a cursor, a `Link` header) or from the size of this page. The gateway
 * follows no URL of an answer (case F2); it takes only values for known arguments from it.
 */
import { isJsonObject } from "../../json.ts";
import type { JsonObject } from "../../model.ts";
import { findMainList } from "../../truncation/truncate.ts";
import { compileProjection, type Projection } from "./projection.ts";
import type { Operation, Pagination } from "./service.ts";

/** One whole answer, and the arguments of its request. */
export interface ResultPage {
  readonly answer: unknown;
  readonly given: JsonObject;
  /** The `Link` header; empty if there is none. */
  readonly link: string;
}

/** The arguments to add for the next page; undefined if this is the last one. */
export type NextPage = (page: ResultPage) => JsonObject | undefined;

/** Makes the function for an operation. Throws if an expression is invalid. */
export function createNextPage(operation: Operation): NextPage {
  const { pagination, name } = operation;
  if (pagination === undefined) return () => undefined;
  const at = (expression: string | undefined) =>
    expression === undefined
      ? undefined
      : compileProjection(expression, `the pagination of "${name}"`);
  switch (pagination.type) {
    case "page":
      return byPage(operation, pagination, at(pagination.pages));
    case "offset":
      return byOffset(operation, pagination, at(pagination.total));
    case "cursor":
      return byCursor(pagination, at(pagination.next));
    case "link":
      return byLink(operation);
  }
}

/** The sentence about pages in a tool's description. */
export function describePaging({ pagination }: Operation): string {
  if (pagination === undefined) return "";
  const by = pagination.type === "link" ? "" : ` (argument ${pagination.parameter})`;
  return `Returns one page at a time${by}; "next" in the answer holds the arguments for the next one.`;
}

function byPage(
  operation: Operation,
  { parameter, first, size, sizeDefault }: Extract<Pagination, { type: "page" }>,
  pages: Projection | undefined,
): NextPage {
  return ({ answer, given }) => {
    const current = toNumber(valueOf(operation, parameter, given)) ?? first;
    const count = toNumber(pages?.(answer));
    const next = { [parameter]: current + 1 };
    if (count !== undefined) return current - first + 1 < count ? next : undefined;
    const length = findMainList(answer)?.length ?? 0;
    const wanted = size === undefined ? undefined : toNumber(valueOf(operation, size, given));
    return length >= (wanted ?? sizeDefault ?? 1) && length > 0 ? next : undefined;
  };
}

function byOffset(
  operation: Operation,
  { parameter, size, sizeDefault }: Extract<Pagination, { type: "offset" }>,
  total: Projection | undefined,
): NextPage {
  return ({ answer, given }) => {
    const current = toNumber(valueOf(operation, parameter, given)) ?? 0;
    const wanted = toNumber(valueOf(operation, size, given)) ?? sizeDefault;
    const count = toNumber(total?.(answer));
    const length = findMainList(answer)?.length ?? 0;
    const isLast = length === 0 ||
      (count === undefined ? length < wanted : current + wanted >= count);
    return isLast ? undefined : { [parameter]: current + wanted };
  };
}

function byCursor(
  { parameter }: Extract<Pagination, { type: "cursor" }>,
  next: Projection | undefined,
): NextPage {
  return ({ answer }) => {
    const cursor = next?.(answer);
    const isThere = (typeof cursor === "string" && cursor !== "") || typeof cursor === "number";
    return isThere ? { [parameter]: cursor } : undefined;
  };
}

function byLink({ parameters, inputSchema }: Operation): NextPage {
  const inQuery = new Map(
    parameters.filter((one) => one.in === "query").map(({ wire, argument }) => [wire, argument]),
  );
  const { properties } = inputSchema;
  return ({ given, link }) => {
    const target = findNext(link);
    if (target === undefined) return undefined;
    const query = new URLSearchParams(target.replace(/^[^?]*\??/, "").replace(/#.*$/, ""));
    const added = [...query].flatMap(([wire, text]): [string, unknown][] => {
      const argument = inQuery.get(wire);
      if (argument === undefined) return [];
      const schema = isJsonObject(properties) ? properties[argument] : undefined;
      const value = toArgument(text, schema);
      return value === undefined || value === given[argument] ? [] : [[argument, value]];
    });
    return added.length === 0 ? undefined : Object.fromEntries(added);
  };
}

/** The target whose relation is `next` (RFC 8288). */
function findNext(link: string): string | undefined {
  for (const [, target, rest] of link.matchAll(/<([^<>]*)>([^<]*)/g)) {
    if (/;\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next\b)/i.test(rest ?? "")) return target;
  }
  return undefined;
}

/** The text of a URL in the type of its argument; undefined for anything but a single value. */
function toArgument(text: string, schema: unknown): unknown {
  const { type } = isJsonObject(schema) ? schema : {};
  const types = Array.isArray(type) ? type : [type];
  if (types.includes("integer") || types.includes("number")) return toNumber(text);
  if (types.includes("boolean")) return text === "true";
  return types.includes("string") || type === undefined ? text : undefined;
}

function valueOf({ parameters }: Operation, argument: string, given: JsonObject): unknown {
  return given[argument] ?? parameters.find((one) => one.argument === argument)?.default;
}

function toNumber(value: unknown): number | undefined {
  const isText = typeof value === "string" && /^-?\d+(?:\.\d+)?$/.test(value);
  const number = isText ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : undefined;
}
