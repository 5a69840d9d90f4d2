/**
 * JSON documents at URLs that clients name, fetched with care: public addresses only, no
 * redirect, little time and few bytes. A document is used as long as its
 * headers say, within bounds; a failure is remembered briefly. Each document is fetched once at a
 * time, and only so many at once.
 */
import { putWithin } from "../bounded.ts";
import { type Limits, msPerSecond } from "../limits.ts";
import type { JsonObject } from "../model.ts";
import { createPlainCaller, getDocument, type PlainCaller } from "../outgoing/plain_caller.ts";
import { createAddressRate } from "./address_rate.ts";
import type { OAuthDeps } from "./oauth_deps.ts";

/** A document, or why there is none. */
export type DocumentOutcome =
  | { readonly value: JsonObject }
  | { readonly problem: string };

/** Reads documents; `address`: for whom, since each may have only so many fetched. */
export type ReadDocument = (url: string, address?: string) => Promise<DocumentOutcome>;

/** What a reader needs. */
export type DocumentDeps = Pick<OAuthDeps, "runtime" | "limits" | "clock" | "log">;

/** How documents are read. */
export interface DocumentOptions {
  /** What is wrong with a document; undefined: nothing. */
  readonly check: (value: JsonObject, url: string) => string | undefined;
  /** A URL of the settings, whose address may be private. */
  readonly ownUrl?: string | undefined;
}

/** No URL of the settings: no address is the operator's own. */
const nowhere = "https://documents.invalid/";

/** Makes a reader with an empty memory. */
export function createDocumentReader(deps: DocumentDeps, options: DocumentOptions): ReadDocument {
  const { limits, clock } = deps;
  const caller = createPlainCaller({
    ...deps,
    limits: { ...limits, connectMs: Math.min(limits.connectMs, limits.clientDocumentMs) },
    answerBytesMax: limits.clientDocumentBytesMax,
    server: "a client's document",
    url: options.ownUrl ?? nowhere,
  });
  const rate = createAddressRate({
    usesMax: limits.clientDocumentsPerAddressMax,
    windowMs: limits.clientDocumentsPerAddressMs,
    addressesMax: limits.registrationAddressesMax,
    clock,
  });
  const known = new Map<string, { readonly outcome: DocumentOutcome; readonly until: number }>();
  const reading = new Map<string, Promise<DocumentOutcome>>();
  const fetchOnce = async (url: string): Promise<DocumentOutcome> => {
    const { outcome, ageMs } = await fetchDocument(caller, url, options, deps);
    const until = clock.monotonic() + ageMs;
    putWithin(known, url, { outcome, until }, limits.clientDocumentsMax);
    return outcome;
  };
  return (url, address) => {
    const found = known.get(url);
    if (found !== undefined && clock.monotonic() < found.until) {
      return Promise.resolve(found.outcome);
    }
    const running = reading.get(url);
    if (running !== undefined) return running;
    if (reading.size >= limits.clientDocumentReadsMax || rate(address) !== undefined) {
      return Promise.resolve({ problem: "too many documents are being read; retry later" });
    }
    const fetching = fetchOnce(url).finally(() => reading.delete(url));
    reading.set(url, fetching);
    return fetching;
  };
}

async function fetchDocument(
  caller: PlainCaller,
  url: string,
  { check }: DocumentOptions,
  { limits, log }: DocumentDeps,
): Promise<{ readonly outcome: DocumentOutcome; readonly ageMs: number }> {
  const fail = (reason: unknown) => {
    log.info("Cannot use a document of an OAuth client", { url, reason });
    return { outcome: { problem: "its document cannot be used" }, ageMs: limits.documentRetryMs };
  };
  try {
    const { signal } = new AbortController();
    const document = await getDocument(caller, url, limits.clientDocumentMs, signal);
    const { status, headers, value } = document;
    if (status !== 200) return fail(`its status is ${status}`);
    if (value === undefined) return fail("it is no JSON object");
    const problem = check(value, url);
    return problem === undefined
      ? { outcome: { value }, ageMs: toAgeMs(headers, limits) }
      : fail(problem);
  } catch (thrown) {
    return fail(thrown);
  }
}

/** How long a document may be used (RFC 9111, 5.2.2), within bounds. */
function toAgeMs(
  headers: Headers,
  { documentAgeMs, documentAgeMsMin, documentAgeMsMax }: Limits,
): number {
  const control = headers.get("cache-control") ?? "";
  if (/\bno-(?:store|cache)\b/i.test(control)) return documentAgeMsMin;
  const [, seconds] = /\bmax-age\s*=\s*"?(\d{1,12})/i.exec(control) ?? [];
  if (seconds === undefined) return documentAgeMs;
  const age = Number(/^\d{1,12}$/.exec(headers.get("age") ?? "")?.[0] ?? 0);
  const leftMs = (Number(seconds) - age) * msPerSecond;
  return Math.min(documentAgeMsMax, Math.max(documentAgeMsMin, leftMs));
}
