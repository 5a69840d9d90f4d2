/**
 * Spans as the body of an OTLP request in JSON (ExportTraceServiceRequest): ids in hexadecimal, enums
 * as numbers, integers of 64 bits as texts. Texts lose their secrets and their length here, away from
 * the calls. Spans of a batch have most of their texts in common, so each text is written once for a
 * batch; a later batch may have more secrets to hide. Follows "JSON Protobuf Encoding" of OTLP, and
 * trace.proto.
 */
import { truncate } from "../excerpt.ts";
import type { AttributeValue, Span } from "./call_spans.ts";

/** How spans are written. */
export interface OtlpWriter {
  /** One span as JSON. */
  span(span: Span): string;
  /** The body of a request with these spans, which ends their batch. */
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

/** The texts of a batch that were written, by themselves and by their attribute. */
interface Written {
  readonly texts: Map<string, string>;
  readonly attributes: Map<string, Map<AttributeValue, string>>;
  readonly fit: (text: string) => string;
}

/** Makes a writer. */
export function createOtlpWriter(
  { resource, scope, hide, textCharsMax }: OtlpWriterOptions,
): OtlpWriter {
  const written: Written = {
    texts: new Map(),
    attributes: new Map(),
    fit: (text) => truncate(hide(text), textCharsMax),
  };
  // The operator's own words, as they are.
  const own = Object.entries(resource).map(([key, value]) => attribute(key, value, (text) => text));
  const start = `{"resourceSpans":[{"resource":{"attributes":[${own.join(",")}]},` +
    `"scopeSpans":[{"scope":${JSON.stringify(scope)},"spans":[`;
  return {
    span: (span) => write(span, written),
    body(spans) {
      written.texts.clear();
      written.attributes.clear();
      return `${start}${spans.join(",")}]}]}]}`;
    },
  };
}

function write(span: Span, written: Written): string {
  const { traceId, spanId, parentId, tracestate, link, failure, isParentRemote } = span;
  const flags = span.flags | hasIsRemote | (isParentRemote ? isRemote : 0);
  const head = `{"traceId":"${traceId}","spanId":"${spanId}"` +
    (parentId === undefined ? "" : `,"parentSpanId":"${parentId}"`) +
    (tracestate === undefined ? "" : `,"traceState":${JSON.stringify(tracestate)}`);
  const times = `"startTimeUnixNano":"${toNanoseconds(span.startedAt)}",` +
    `"endTimeUnixNano":"${toNanoseconds(Math.max(span.startedAt, span.endedAt))}"`;
  return `${head},"flags":${flags},"name":${textOf(span.name, written)},"kind":${span.kind},` +
    `${times},"attributes":[${attributesOf(span, written)}]` +
    (link === undefined ? "" : `,"links":[${linkOf(link)}]`) +
    (failure === undefined ? "" : `,"status":${statusOf(failure, written)}`) + "}";
}

function linkOf({ traceId, spanId, flags }: NonNullable<Span["link"]>): string {
  return JSON.stringify({ traceId, spanId, flags: flags | hasIsRemote | isRemote });
}

function statusOf(failure: string, written: Written): string {
  const message = failure === "" ? "" : `,"message":${textOf(failure, written)}`;
  return `{"code":${statusError}${message}}`;
}

function textOf(text: string, { texts, fit }: Written): string {
  let known = texts.get(text);
  if (known === undefined) texts.set(text, known = JSON.stringify(fit(text)));
  return known;
}

function attributesOf({ attributes }: Span, written: Written): string {
  let text = "";
  for (const key in attributes) {
    const value = attributes[key];
    if (value === undefined) continue;
    const one = attributeOf(key, value, written);
    text = text === "" ? one : `${text},${one}`;
  }
  return text;
}

function attributeOf(key: string, value: string | number, { attributes, fit }: Written): string {
  let values = attributes.get(key);
  if (values === undefined) attributes.set(key, values = new Map());
  let known = values.get(value);
  if (known === undefined) values.set(value, known = attribute(key, value, fit));
  return known;
}

function attribute(key: string, value: string | number, fit: (text: string) => string): string {
  const typed = typeof value === "number"
    ? { intValue: String(value) }
    : { stringValue: fit(value) };
  return JSON.stringify({ key, value: typed });
}

/** Milliseconds as nanoseconds, which no number holds exactly; the digits are exact to the µs. */
function toNanoseconds(ms: number): string {
  return `${ms.toFixed(3).replace(".", "")}000`;
}
