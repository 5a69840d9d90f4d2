/**
 * A collector for tests: it takes OTLP over HTTP as JSON, strictly by the documented shape, and keeps
 * every span. What it answers is up to the test.
 */
import { type Served, serveFetch } from "./serve_fetch.ts";

type Json = Readonly<Record<string, unknown>>;

/** A span as a test looks at it. */
export interface SeenSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty: the trace begins with it. */
  readonly parentId: string;
  readonly flags: number;
  readonly traceState: string | undefined;
  readonly name: string;
  readonly kind: "internal" | "server" | "client";
  /** In nanoseconds since 1970. */
  readonly startedAt: bigint;
  readonly endedAt: bigint;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  /** Empty: it failed without words. Undefined: it did not fail. */
  readonly failure: string | undefined;
  readonly service: string;
}

/** One request that came. */
export interface CollectorVisit {
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
  readonly spans: readonly SeenSpan[];
}

/** What a test lets the collector answer; undefined: all is taken. */
export type AnswerCollector = (
  visit: CollectorVisit,
  count: number,
) => Response | undefined | Promise<Response | undefined>;

/** The collector. */
export interface Collector {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly url: string;
  readonly port: number;
  /** Every request, also those that it refused. */
  readonly visits: readonly CollectorVisit[];
  /** The spans that it took. */
  readonly spans: readonly SeenSpan[];
  /** Requests that are not as documented, in words. */
  readonly faults: readonly string[];
  close(): Promise<void>;
}

/** Starts one. */
export async function startCollector(
  answer: AnswerCollector = () => undefined,
  port = 0,
): Promise<Collector> {
  const visits: CollectorVisit[] = [];
  const spans: SeenSpan[] = [];
  const faults: string[] = [];
  const served: Served = await serveFetch(async (request) => {
    const body = await request.text();
    const path = new URL(request.url).pathname;
    try {
      assertRequest(request, body);
      const visit = { path, headers: request.headers, body, spans: spansIn(JSON.parse(body)) };
      visits.push(visit);
      const response = await answer(visit, visits.length) ?? taken();
      if (response.ok) spans.push(...visit.spans);
      return response;
    } catch (fault) {
      faults.push(String(fault));
      return Response.json({ message: String(fault) }, { status: 400 });
    }
  }, port);
  return {
    url: `http://127.0.0.1:${served.port}`,
    port: served.port,
    visits,
    spans,
    faults,
    close: served.close,
  };
}

/** The answer of a collector that takes all. */
export function taken(partialSuccess?: Json): Response {
  return Response.json(partialSuccess === undefined ? {} : { partialSuccess });
}

function assertRequest(request: Request, body: string): void {
  expectThat(request.method === "POST", `the method is ${request.method}`);
  const type = request.headers.get("content-type");
  expectThat(type === "application/json", `the content type is ${type}`);
  expectThat(
    Number(request.headers.get("content-length")) === new TextEncoder().encode(body).length,
    "the length is missing or wrong",
  );
}

function expectThat(isSo: boolean, problem: string): void {
  if (!isSo) throw new Error(problem);
}

/** The members of a message: a name for each, and what its value must be. */
type Shape = Readonly<Record<string, (value: unknown, where: string) => void>>;

function message(shape: Shape, required: readonly string[] = []) {
  return (value: unknown, where: string): void => {
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    expectThat(isObject, `${where} is no message`);
    const members = value as Json;
    for (const name of required) expectThat(name in members, `${where}.${name} is missing`);
    for (const [name, member] of Object.entries(members)) {
      const check = shape[name];
      if (check === undefined) throw new Error(`${where}.${name} is not documented`);
      check(member, `${where}.${name}`);
    }
  };
}

const listOf = (check: Shape[string]) => (value: unknown, where: string): void => {
  expectThat(Array.isArray(value), `${where} is no list`);
  (value as unknown[]).forEach((item, at) => check(item, `${where}[${at}]`));
};
const form = (pattern: RegExp) => (value: unknown, where: string): void =>
  expectThat(typeof value === "string" && pattern.test(value), `${where} is ${String(value)}`);
const text = form(/^[^]*$/);
const integer = (least: number, most: number) => (value: unknown, where: string): void =>
  expectThat(
    Number.isInteger(value) && Number(value) >= least && Number(value) <= most,
    `${where} is ${String(value)}`,
  );
/** Integers of 64 bits are texts. */
const long = form(/^(?:0|[1-9]\d{0,19})$/);
const traceId = form(/^(?!0{32})[0-9a-f]{32}$/);
const spanId = form(/^(?!0{16})[0-9a-f]{16}$/);
const uint32 = integer(0, 2 ** 32 - 1);

const anyValue = (value: unknown, where: string): void => {
  message({ stringValue: text, intValue: form(/^-?\d+$/) })(value, where);
  expectThat(Object.keys(value as Json).length === 1, `${where} has not one value`);
};
const attributes = (value: unknown, where: string): void => {
  listOf(message({ key: form(/./), value: anyValue }, ["key", "value"]))(value, where);
  const keys = (value as { key: string }[]).map(({ key }) => key);
  expectThat(new Set(keys).size === keys.length, `${where} has a key twice`);
};
const link = message({ traceId, spanId, traceState: text, attributes, flags: uint32 }, [
  "traceId",
  "spanId",
]);
const span = message({
  traceId,
  spanId,
  traceState: text,
  parentSpanId: spanId,
  flags: uint32,
  name: form(/./),
  kind: integer(0, 5),
  startTimeUnixNano: long,
  endTimeUnixNano: long,
  attributes,
  links: listOf(link),
  status: message({ message: text, code: integer(0, 2) }),
}, ["traceId", "spanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano"]);
const some = (check: Shape[string]) => (value: unknown, where: string): void => {
  listOf(check)(value, where);
  // Empty envelopes should not be sent.
  expectThat((value as unknown[]).length > 0, `${where} is empty`);
};
const request = message({
  resourceSpans: some(message({
    resource: message({ attributes }),
    scopeSpans: some(message({
      scope: message({ name: text, version: text }),
      spans: some(span),
    })),
  })),
}, ["resourceSpans"]);

const kinds = { 1: "internal", 2: "server", 3: "client" } as const;

function spansIn(value: unknown): SeenSpan[] {
  request(value, "request");
  const { resourceSpans } = value as { resourceSpans: ResourceSpans[] };
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((one): SeenSpan => ({
        traceId: one.traceId,
        spanId: one.spanId,
        parentId: one.parentSpanId ?? "",
        flags: one.flags ?? 0,
        traceState: one.traceState,
        name: one.name,
        kind: kinds[one.kind as keyof typeof kinds],
        startedAt: BigInt(one.startTimeUnixNano),
        endedAt: BigInt(one.endTimeUnixNano),
        attributes: valuesOf(one.attributes ?? []),
        links: (one.links ?? []).map(({ traceId, spanId }) => ({ traceId, spanId })),
        failure: one.status?.code === 2 ? one.status.message ?? "" : undefined,
        service: String(valuesOf(resource.attributes)["service.name"]),
      }))
    )
  );
}

interface WireAttribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: string };
}

interface ResourceSpans {
  readonly resource: { readonly attributes: WireAttribute[] };
  readonly scopeSpans: readonly {
    readonly spans: readonly {
      readonly traceId: string;
      readonly spanId: string;
      readonly parentSpanId?: string;
      readonly flags?: number;
      readonly traceState?: string;
      readonly name: string;
      readonly kind: number;
      readonly startTimeUnixNano: string;
      readonly endTimeUnixNano: string;
      readonly attributes?: WireAttribute[];
      readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
      readonly status?: { readonly code?: number; readonly message?: string };
    }[];
  }[];
}

function valuesOf(all: readonly WireAttribute[]): Record<string, string | number> {
  return Object.fromEntries(
    all.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)]),
  );
}
