/**
 * Arguments as a request (case F10). Whatever their values, the request stays within the base URL,
 * each argument within its path segment and its parameter, and no argument replaces a header, query
 * parameter or cookie that the gateway or a credential sets. Not here: whether the arguments match
 * their schema (arguments.ts), and how a value is written (styles.ts).
 */
import { GatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { JsonObject } from "../../model.ts";
import type { SecurityContext } from "../../outgoing/authorization.ts";
import { toPublicUrl } from "../../outgoing/failure.ts";
import { membersOf } from "./object_members.ts";
import { buildBody, isJsonType } from "./request_body.ts";
import type { Operation, Parameter } from "./service.ts";
import { writeHeader, writePairs, writePath } from "./styles.ts";

/** A complete request. */
export interface RestRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** The target of a request, which arguments cannot change. */
export interface RequestFrame {
  /** Without a slash at its end. */
  readonly baseUrl: string;
  readonly context: SecurityContext;
  /** Of the configuration; names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Headers that belong to the gateway, the connection or a credential. */
const reservedHeaders: ReadonlySet<string> = new Set([
  "accept",
  "accept-encoding",
  "authorization",
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "cookie",
  "expect",
  "host",
  "keep-alive",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "user-agent",
]);

/** Whether something else than the arguments sets a parameter. */
export function isReserved(
  { in: place, wire }: Pick<Parameter, "in" | "wire">,
  { headers, context }: Pick<RequestFrame, "headers" | "context">,
): boolean {
  const name = wire.toLowerCase();
  switch (place) {
    case "path":
      return false;
    case "query":
      return Object.hasOwn(context.query, wire);
    case "cookie":
      return Object.hasOwn(context.cookies, wire) || cookieNames(headers["cookie"]).includes(wire);
    case "header":
      return reservedHeaders.has(name) || Object.hasOwn(headers, name) ||
        Object.hasOwn(context.headers, name);
  }
}

function nameOf(pair: string): string {
  return decodeURIComponent(pair.replace(/=.*$/s, ""));
}

function cookieNames(header = ""): string[] {
  return header.split(";").map((pair) => pair.replace(/=.*$/s, "").trim());
}

/**
 * The request of these arguments. Throws `invalid_params` with a sentence if they cannot be sent.
 */
export function buildRequest(
  operation: Operation,
  given: JsonObject,
  frame: RequestFrame,
  limits: Pick<Limits, "restUrlCharsMax">,
): RestRequest {
  const pairs: string[] = [];
  const cookies: string[] = [];
  const headers: Record<string, string> = {};
  for (const parameter of operation.parameters) {
    const value = valueOf(parameter, given);
    if (value === undefined || isReserved(parameter, frame)) continue;
    const members = () => membersOf(operation.inputSchema, parameter.argument);
    const isTaken = (name: string) =>
      operation.parameters.some((one) => one.in === parameter.in && one.wire === name);
    // Members of an object are separate parameters there.
    const written = (place: "query" | "cookie") =>
      writePairs(parameter, value, members, isTaken)
        .filter((pair) => !isReserved({ in: place, wire: nameOf(pair) }, frame));
    if (parameter.in === "query") pairs.push(...written("query"));
    if (parameter.in === "cookie") cookies.push(...written("cookie"));
    if (parameter.in === "header") {
      headers[parameter.wire.toLowerCase()] = checkHeader(parameter, writeHeader(parameter, value));
    }
  }
  const ours = frame.headers["cookie"];
  if (cookies.length > 0) {
    headers["cookie"] = [...(ours === undefined ? [] : [ours]), ...cookies].join("; ");
  }
  const body = operation.body === undefined ? undefined : buildBody(operation.body, given);
  if (body !== undefined) headers["content-type"] = body.contentType;
  if (frame.headers["accept"] === undefined) headers["accept"] = toAccept(operation);
  const path = buildPath(operation, given);
  const query = pairs.length === 0 ? "" : `?${pairs.join("&")}`;
  const url = checkUrl(`${frame.baseUrl}${path}${query}`, frame.baseUrl, limits);
  return { url, headers, body: body?.body };
}

function valueOf({ argument, default: otherwise }: Parameter, given: JsonObject): unknown {
  const value = given[argument] ?? otherwise;
  return value === null ? undefined : value;
}

/** JSON is preferred, because models can use it best. */
function toAccept({ produces = [] }: Operation): string {
  const json = produces.filter(isJsonType);
  const others = produces.filter((one) => !isJsonType(one));
  if (produces.length === 0) return "application/json";
  return [...json, ...(json.length === 0 ? others : others.map((one) => `${one};q=0.5`))].join(
    ", ",
  );
}

function buildPath({ path, parameters }: Operation, given: JsonObject): string {
  const inPath = new Map(
    parameters.filter((one) => one.in === "path").map((one) => [one.wire, one]),
  );
  return path.split("/").map((segment) => {
    const arguments_: string[] = [];
    const written = segment.split(/(\{[^{}]+\})/).map((piece) => {
      const parameter = /^\{.+\}$/.test(piece) ? inPath.get(piece.slice(1, -1)) : undefined;
      // Text that is no placeholder stays as it is, and cannot begin a query.
      if (parameter === undefined) return piece.replace(/[?#]/g, encodeURIComponent);
      const value = valueOf(parameter, given);
      if (value === undefined) {
        throw new GatewayError("invalid_params", `Argument "${parameter.argument}" is missing`);
      }
      arguments_.push(parameter.argument);
      return writePath(parameter, value);
    }).join("");
    if (arguments_.length > 0) checkSegment(written, arguments_);
    return written;
  }).join("/");
}

/**
 * Also before a parameter of a segment (RFC 3986, section 3.3), and before characters that end or
 * trim a text.
 */
const wayUp = /^\.\.?(?:[;\p{Cc}]|\s*$)/u;

/**
 * A segment must stay one segment. URL parsers treat `..` as the parent folder even when it is
 * encoded, and some servers decode once or twice more.
 */
function checkSegment(written: string, names: readonly string[]): void {
  let text = written;
  for (let round = 0; round < 4; round += 1) {
    if (text === "" || text.split(/[/\\]/).some((part) => wayUp.test(part))) {
      const which = names.map((name) => `"${name}"`).join(", ");
      const value = JSON.stringify(decode(written));
      throw new GatewayError(
        "invalid_params",
        `Cannot use ${value} for argument ${which}: as a part of a path it must not be empty, "." or ".."`,
      );
    }
    text = decode(text);
  }
}

function decode(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (encoded) => {
    try {
      return decodeURIComponent(encoded);
    } catch {
      return encoded;
    }
  });
}

/** What a header can contain: one line of Latin-1. */
function checkHeader({ argument }: Parameter, text: string): string {
  if (/^[\t\x20-\x7e\xa0-\xff]*$/.test(text)) return text;
  throw new GatewayError(
    "invalid_params",
    `Cannot use ${
      JSON.stringify(text)
    } for argument "${argument}": a header holds one line of Latin characters`,
  );
}

function checkUrl(
  text: string,
  baseUrl: string,
  { restUrlCharsMax: charsMax }: Pick<Limits, "restUrlCharsMax">,
): string {
  if (text.length > charsMax) {
    throw new GatewayError(
      "invalid_params",
      `Cannot send arguments that make a URL of ${text.length} characters: ${charsMax} are the most; ask for less at once`,
    );
  }
  const base = new URL(baseUrl);
  const prefix = base.pathname.replace(/\/$/, "");
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isWithin = url !== undefined && url.origin === base.origin && url.hash === "" &&
    (url.pathname === prefix || url.pathname.startsWith(`${prefix}/`));
  if (isWithin) return url.href;
  throw new GatewayError(
    "invalid_params",
    `Cannot send these arguments: they lead to a URL that is not within "${toPublicUrl(baseUrl)}"`,
  );
}
