/**
 * Reads the public documents of an issuer of tokens: its metadata (RFC 8414, and OpenID Connect
 * Discovery, whose document has the same content) and its keys (RFC 7517). Not here: how often a
 * document is read, and who trusts it.
 */
import type { Clock } from "../clock.ts";
import { isLoopback } from "../config/loopback.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { createPlainCaller, getDocument, type JsonDocument } from "./plain_caller.ts";

/** Reads the document at a URL. Rejects with a GatewayError if there is no answer. */
export type ReadIssuerDocument = (url: string, signal: AbortSignal) => Promise<JsonDocument>;

/** What a reader is made from. */
export interface IssuerDocumentsOptions {
  readonly runtime: Pick<Runtime, "request">;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  /** The URL from the configuration: its origin alone may be at a private address. */
  readonly url: string;
}

/** Makes the reader of one issuer. */
export function createIssuerDocuments(options: IssuerDocumentsOptions): ReadIssuerDocument {
  const { limits, url: server } = options;
  const answerBytesMax = limits.credentialBytesMax;
  const caller = createPlainCaller({ ...options, server, answerBytesMax });
  return (url, signal) => getDocument(caller, url, limits.issuerReadMs, signal);
}

/** Where the metadata of an issuer may be, in the order of RFC 8414, 5; the last forms are older. */
export function wellKnownUrls(issuer: string): string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, "");
  const names = ["oauth-authorization-server", "openid-configuration"];
  const inserted = names.map((name) => `${origin}/.well-known/${name}${path}`);
  return path === ""
    ? inserted
    : [...inserted, ...names.map((name) => `${origin}${path}/.well-known/${name}`)];
}

/**
 * A URL that the metadata of an issuer names: over TLS, or within an issuer on this machine.
 * Undefined if it is something else, or has a login in it.
 */
export function toPublishedUrl(value: unknown, issuer: string): string | undefined {
  if (typeof value !== "string" || !URL.canParse(value)) return undefined;
  const url = new URL(value);
  const own = new URL(issuer);
  if (url.username + url.password !== "") return undefined;
  const isAtHome = url.origin === own.origin && isLoopback(own.hostname);
  return url.protocol === "https:" || (url.protocol === "http:" && isAtHome) ? url.href : undefined;
}
