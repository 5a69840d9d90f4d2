/**
 * Spans as the body of an OTLP request in JSON (ExportTraceServiceRequest): ids in hexadecimal, enums
 * as numbers, integers of 64 bits as texts. Texts lose their secrets and their length here, away from
 * the calls. Follows "JSON Protobuf Encoding" of OTLP, and trace.proto.
 */
import { truncate } from "../excerpt.ts";
import type { AttributeValue, Span } from "./call_spans.ts";

/** How spans are written. */
export interface OtlpWriter {
  /** One span as JSON. */
  span(span: Span): string;
  /** The body of a request with these spans. */
  body(spans: readonly string[]): string;
}

/** What a writer is made from. */
export interface OtlpWriterOptions {
  /** The attributes of the resource, which is this gateway. */
  readonly resource: Readonly<Record<string, string>>;
  readonly scope: { readonly name: string; readonly version: string };
  /** A text without its secrets. */
  readonly hide: (text: string) => string;
  readonly textCharsMax: number;
}

/** Bits of a span's flags: whether it is known that the parent is remote, and whether it is. */
const hasIsRemote = 0x100;
const isRemote = 0x200;

/** A span failed (STATUS_CODE_ERROR). */
const statusError = 2;

/** Makes a writer. */
export function createOtlpWriter(
  { resource, scope, hide, textCharsMax }: OtlpWriterOptions,
): OtlpWriter {
  const fit = (text: string): string => truncate(hide(text), textCharsMax);
  const start = `{"resourceSpans":[{"resource":${
    JSON.stringify({ attributes: toAttributes(resource, (text) => text) })
  },"scopeSpans":[{"scope":${JSON.stringify(scope)},"spans":[`;
  return {
    span: (span) => JSON.stringify(toMessage(span, fit)),
    body: (spans) => `${start}${spans.join(",")}]}]}]}`,
  };
}

function toMessage(span: Span, fit: (text: string) => string) {
  const { parentId, tracestate, link, failure } = span;
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(tracestate === undefined ? {} : { traceState: tracestate }),
    ...(parentId === undefined ? {} : { parentSpanId: parentId }),
    flags: span.flags | hasIsRemote | (span.isParentRemote ? isRemote : 0),
    name: fit(span.name),
    kind: span.kind,
    startTimeUnixNano: toNanoseconds(span.startedAt),
    endTimeUnixNano: toNanoseconds(Math.max(span.startedAt, span.endedAt)),
    attributes: toAttributes(span.attributes, fit),
    ...(link === undefined ? {} : { links: [toLink(link)] }),
    ...(failure === undefined ? {} : { status: toStatus(failure, fit) }),
  };
}

function toLink({ traceId, spanId, flags }: SpanLink) {
  return { traceId, spanId, flags: flags | hasIsRemote | isRemote };
}

type SpanLink = NonNullable<Span["link"]>;

function toStatus(failure: string, fit: (text: string) => string) {
  return { code: statusError, ...(failure === "" ? {} : { message: fit(failure) }) };
}

function toAttributes(
  attributes: Readonly<Record<string, AttributeValue>>,
  fit: (text: string) => string,
) {
  return Object.entries(attributes).flatMap(([key, value]) => {
    if (value === undefined) return [];
    const typed = typeof value === "number"
      ? { intValue: String(value) }
      : { stringValue: fit(value) };
    return [{ key, value: typed }];
  });
}

/** Milliseconds as nanoseconds, which no number holds exactly; the digits are exact to the µs. */
function toNanoseconds(ms: number): string {
  return `${ms.toFixed(3).replace(".", "")}000`;
}
