/**
 * JSON documents at URLs that strangers name, fetched with care: public addresses only, no
 * redirect, little time and few bytes, nothing sent along. A document is used as long as its
 * headers say, within bounds; a failure is remembered briefly. Each document is fetched once at a
 * time, and only so many at once.
 */
import { putWithin } from "../bounded.ts";
import { isJsonObject } from "../json.ts";
import { type Limits, msPerSecond } from "../limits.ts";
import type { JsonObject } from "../model.ts";
import { emptyContext } from "../outgoing/authorization.ts";
import { createHttpCaller, type HttpCaller } from "../outgoing/caller.ts";
import type { HttpAnswer } from "../outgoing/http_answer.ts";
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
  const caller = toCaller(deps, options.ownUrl ?? nowhere);
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

function toCaller({ runtime, limits, clock, log }: DocumentDeps, url: string): HttpCaller {
  return createHttpCaller({
    runtime,
    limits: {
      ...limits,
      connectMs: Math.min(limits.connectMs, limits.clientDocumentMs),
      responseBytesMax: limits.clientDocumentBytesMax,
      circuitFailuresMax: Infinity,
      httpRetriesMax: 0,
    },
    clock,
    log,
    server: "a client's document",
    url,
    headers: {},
    authorization: {
      get: async () => ({ state: "ready", context: emptyContext, isDegraded: false }),
      renew: async () => false,
    },
  });
}

async function fetchDocument(
  caller: HttpCaller,
  url: string,
  { check }: DocumentOptions,
  { limits, log }: DocumentDeps,
): Promise<{ readonly outcome: DocumentOutcome; readonly ageMs: number }> {
  const fail = (reason: unknown) => {
    log.info("Cannot use a document of an OAuth client", { url, reason });
    return { outcome: { problem: "its document cannot be used" }, ageMs: limits.documentRetryMs };
  };
  try {
    const answer = await caller.call({
      url,
      method: "GET",
      headers: { accept: "application/json" },
      timeoutMs: limits.clientDocumentMs,
      repeatable: false,
      final: true,
    }, new AbortController().signal);
    const value = parse(await answer.text());
    if (answer.status !== 200) return fail(`its status is ${answer.status}`);
    if (!isJsonObject(value)) return fail("it is no JSON object");
    const problem = check(value, url);
    return problem === undefined
      ? { outcome: { value }, ageMs: toAgeMs(answer, limits) }
      : fail(problem);
  } catch (thrown) {
    return fail(thrown);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** How long a document may be used (RFC 9111, 5.2.2), within bounds. */
function toAgeMs(
  { headers }: HttpAnswer,
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
