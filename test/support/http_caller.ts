/**
 * Callers of remote servers for tests: the real caller with short pauses, on the real platform or on
 * a scripted one that answers without any network.
 */
import type { Clock } from "../../src/clock.ts";
import { systemClock } from "../../src/clock.ts";
import { GatewayError } from "../../src/errors.ts";
import { defaultLimits, type Limits } from "../../src/limits.ts";
import type { OutgoingRequest, RequestFault, Runtime } from "../../src/runtime/runtime.ts";
import type { CredentialsConfig } from "../../src/config/config.ts";
import { createAuthorization } from "../../src/credentials/credential_kinds.ts";
import type { Authorization } from "../../src/outgoing/authorization.ts";
import {
  createHttpCaller,
  type HttpCaller,
  type HttpCallerOptions,
} from "../../src/outgoing/caller.ts";
import type { HttpRequest } from "../../src/outgoing/http_request.ts";
import { createTestCredentialStore } from "./credentials.ts";
import { createTestLog, type TestRecord } from "./log.ts";

/** What a test may choose. */
export interface TestCallerOptions {
  readonly runtime: Pick<Runtime, "request">;
  readonly url: string;
  readonly clock?: Clock;
  readonly limits?: Partial<Limits>;
  readonly headers?: HttpCallerOptions["headers"];
  readonly authorization?: Authorization;
  readonly credentials?: CredentialsConfig;
}

/** A caller whose log can be read. */
export interface TestCaller extends HttpCaller {
  readonly records: readonly TestRecord[];
  /** Calls with what most tests want: a GET of the caller's own URL that may be repeated. */
  get(more?: Partial<HttpRequest>, signal?: AbortSignal): ReturnType<HttpCaller["call"]>;
  /** The same for a POST that may not. */
  post(more?: Partial<HttpRequest>, signal?: AbortSignal): ReturnType<HttpCaller["call"]>;
}

/** Makes a caller; pauses are a thousandth of the real ones. */
export function createTestCaller(options: TestCallerOptions): TestCaller {
  const log = createTestLog();
  const deps = {
    runtime: { ...options.runtime, readText: () => Promise.resolve(undefined) },
    limits: { ...defaultLimits, httpRetryMsMin: 1, httpRetryMsMax: 30, ...options.limits },
    clock: options.clock ?? systemClock,
    log,
    credentialStore: createTestCredentialStore(),
    digest: (text: string) => Promise.resolve(text),
    addSecrets: () => {},
  };
  const caller = createHttpCaller({
    ...deps,
    server: "far",
    url: options.url,
    headers: options.headers ?? {},
    authorization: options.authorization ?? createAuthorization(
      { server: "far", credentials: options.credentials ?? { type: "none" } },
      deps,
    ),
  });
  const call =
    (base: Omit<HttpRequest, "url">): TestCaller["get"] =>
    (more = {}, signal = new AbortController().signal) =>
      caller.call({ ...base, url: options.url, ...more }, signal);
  return {
    ...caller,
    records: log.records,
    get: call({ method: "GET", headers: {}, timeoutMs: 10_000, repeatable: true }),
    post: call({ method: "POST", headers: {}, body: "{}", timeoutMs: 10_000, repeatable: false }),
  };
}

/** What a scripted platform answers to one request. */
export type Scripted = Response | RequestFault;

/** A platform whose answers are written by hand; it keeps what it was asked. */
export function createScriptedRuntime(
  answer: (request: OutgoingRequest, count: number) => Scripted,
): Pick<Runtime, "request"> & { readonly asked: OutgoingRequest[] } {
  const asked: OutgoingRequest[] = [];
  return {
    asked,
    async request(request) {
      asked.push(request);
      const outcome = answer(request, asked.length);
      if (outcome instanceof Error) throw outcome;
      const { status, headers } = outcome;
      return { status, headers, body: outcome.body ?? new Blob([]).stream() };
    },
  };
}

/** A fault as the platform throws it. */
export function faultOf(kind: RequestFault["kind"], sent: boolean): RequestFault {
  return Object.assign(new Error(`fault by the test (${kind})`), { kind, sent });
}

/** The error of a call that must fail. */
export async function errorOf(work: Promise<unknown>): Promise<GatewayError> {
  const thrown = await work.then(() => new Error("It went well"), (thrown: unknown) => thrown);
  if (thrown instanceof GatewayError) return thrown;
  throw thrown;
}
