/**
 * The cost of the parts that every call passes: the guard and the route of its request, the codecs
 * of both eras, the exchange, and the frame of an event stream. Each is compared with the least
 * that does the same.
 */
import { systemClock } from "../src/clock.ts";
import { defaultLimits } from "../src/limits.ts";
import type { Ending, JsonObject, Notice } from "../src/model.ts";
import { createLegacyCodec } from "../src/protocol/legacy/era_codec.ts";
import { createModernCodec } from "../src/protocol/modern/era_codec.ts";
import { encodeFrame } from "../src/sse/encode.ts";
import { createExchange } from "../src/upstream/exchange_source.ts";
import { createHarness } from "../test/support/http_harness.ts";
import { createNotices } from "./fixtures.ts";
import type { Candidate, Suite } from "./suite.ts";

const identity = { name: "bench", version: "1" };
const revision = "2025-11-25";
const method = "tools/call";
const params: JsonObject = { name: "echo", arguments: { text: "caller 1, call 1" } };
const value: JsonObject = { content: [{ type: "text", text: "caller 1, call 1" }] };

/** A request through the whole HTTP layer to an endpoint that does nothing. */
function guardAndRoute(): Candidate[] {
  const { handler } = createHarness();
  const headers = { host: "localhost:8999" };
  const request = () => new Request("http://localhost:8999/ready", { headers });
  return [
    {
      name: "bare handler",
      work: () => {
        const { url, headers: given } = request();
        return new Response(JSON.stringify({ url: url.length, host: given.get("host") }));
      },
    },
    { name: "our guard and route", work: () => handler.fetch(request()) },
  ];
}

/** A call's params in and its result out, for both sides of an era. */
function throughCodecs(): Candidate[] {
  const { client, upstream } = createLegacyCodec(identity);
  const modern = createModernCodec(identity);
  const to = { revision, capabilities: {}, logLevel: undefined };
  const clientContext = { capabilities: {} };
  const pass = (outward: typeof upstream | typeof modern.upstream) => {
    const decoded = client.decodeRequest(method, params, revision);
    if (decoded.kind !== "ok") throw new Error(`Cannot decode ${method}: ${decoded.kind}`);
    const sent = outward.encodeCall({ method, params: decoded.params, clientContext });
    const result = outward.decodeResult(method, value);
    if (result.kind !== "ok" || result.value.kind !== "result") throw new Error("No result");
    return [sent, client.encodeResult(method, result.value, to)];
  };
  return [
    { name: "copies of both", work: () => [{ method, params: { ...params } }, { ...value }] },
    { name: "our codecs, handshake to handshake", work: () => pass(upstream) },
    { name: "our codecs, handshake to stateless", work: () => pass(modern.upstream) },
  ];
}

const notices = 10;
const notice: Notice = {
  kind: "notice",
  method: "notifications/progress",
  params: { progress: 1 },
};
const ending: Ending = { kind: "result", value };

/** A call that is answered, after some notices. */
function throughExchange(count: number): Candidate[] {
  const hooks = { cancelled: () => {}, asking: () => {} };
  const bounds = { limits: defaultLimits, clock: systemClock };
  return [
    {
      name: "an array of replies",
      work() {
        const replies = [];
        for (let at = 0; at < count; at += 1) replies.push(notice);
        replies.push(ending);
        return replies.length;
      },
    },
    {
      name: "our exchange",
      work() {
        let read = 0;
        const source = createExchange(bounds, hooks);
        source.exchange.read(() => void (read += 1));
        for (let at = 0; at < count; at += 1) source.notice(notice);
        source.end(ending);
        if (read !== count + 1) throw new Error(`Read ${read} replies`);
        return read;
      },
    },
  ];
}

/** A message as an event. */
function asFrame(): Candidate[] {
  const texts = createNotices(1_000, 1);
  const encoder = new TextEncoder();
  let turn = 0;
  const next = () => texts[turn++ % texts.length] ?? "";
  return [
    { name: "bare encoder", work: () => encoder.encode(`event: message\ndata: ${next()}\n\n`) },
    { name: "our encodeFrame", work: () => encodeFrame({ event: "message", data: next() }) },
  ];
}

/** The parts as rows; every candidate of a row does the same work. */
export const callParts: readonly {
  readonly title: string;
  readonly unit: string;
  readonly candidates: () => Candidate[];
}[] = [
  { title: "guard and route", unit: "request", candidates: guardAndRoute },
  { title: "codecs, params and result of a call", unit: "call", candidates: throughCodecs },
  { title: "exchange, the result alone", unit: "call", candidates: () => throughExchange(0) },
  {
    title: `exchange, ${notices} notices and the result`,
    unit: "call",
    candidates: () => throughExchange(notices),
  },
  { title: "SSE frame of a notice", unit: "frame", candidates: asFrame },
];

/** The suites of this file. */
export const openSuites = (): Suite[] =>
  callParts.map(({ title, unit, candidates }) => ({
    title,
    unit,
    units: 1,
    candidates: candidates(),
    close: () => {},
  }));
