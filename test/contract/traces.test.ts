/**
 * Traces through the gateway: a client, the gateway and its servers make one trace, whatever the
 * transport and the era. The collector is a double that takes only what OTLP documents.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Collector, type SeenSpan, startCollector } from "../support/otlp_collector.ts";
import {
  type ClientEra,
  serveTraced,
  startTraced,
  type TracedGateway,
  tracedProgram,
} from "../support/traced_gateway.ts";
import { sendSpan } from "../support/traced_tools.ts";
import type { Served } from "../support/serve_fetch.ts";
import { until } from "../support/wait.ts";

const digits = (count: number) => crypto.randomUUID().replaceAll("-", "").slice(0, count);
const traceparent = (flags = "01") => `00-${digits(32)}-${digits(16)}-${flags}`;

const remotes: Served[] = [];
let collector: Collector;
let gateway: TracedGateway;

/** The servers of a test, by the name of each. */
async function servers(url: string) {
  const remote = async (name: string, isStateless: boolean) => {
    const { served, row } = await serveTraced(name, url === "none" ? undefined : url, isStateless);
    remotes.push(served);
    return row;
  };
  return {
    program: tracedProgram("program", url, false),
    "stateless-program": tracedProgram("stateless-program", url, true),
    remote: await remote("remote", false),
    "stateless-remote": await remote("stateless-remote", true),
  };
}

beforeAll(async () => {
  collector = await startCollector();
  gateway = await startTraced({
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: "api-key=the%20key%20of%20the%20collector",
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test",
      OTEL_SERVICE_NAME: "gateway-in-test",
    },
    servers: await servers(collector.url),
  });
});

afterAll(async () => {
  await gateway.close();
  await collector.close();
  for (const remote of remotes) await remote.close();
});

const ofTrace = (id: string, from = collector) => from.spans.filter((one) => one.traceId === id);

/** The spans of a trace in their order, once there are so many. */
async function chainOf(id: string, count: number, from = collector): Promise<SeenSpan[]> {
  await until(`${count} spans of the trace`, () => ofTrace(id, from).length >= count);
  const spans = ofTrace(id, from);
  const chain: SeenSpan[] = [];
  const isNext = ({ parentId }: SeenSpan) =>
    chain.length === 0
      ? spans.every(({ spanId }) => spanId !== parentId)
      : parentId === chain.at(-1)?.spanId;
  for (let next = spans.find(isNext); next !== undefined; next = spans.find(isNext)) {
    chain.push(next);
  }
  return chain;
}

const eras: readonly ClientEra[] = ["handshake", "stateless"];
const serverNames = ["program", "stateless-program", "remote", "stateless-remote"];

describe("a call is one trace from its client over the gateway to the server", () => {
  for (const era of eras) {
    for (const server of serverNames) {
      test(`a ${era} client, and ${server}`, async () => {
        const own = traceparent();
        const tool = `${server}__tell`;
        await sendSpan({ name: "client", collector: collector.url }, "ask", own, 3);
        const told = await gateway.tell(era, tool, { meta: { traceparent: own } });
        const chain = await chainOf(own.split("-")[1] ?? "", 4);
        expect(chain.map(({ service, name, kind }) => [service, name, kind])).toEqual([
          ["client", "ask", "client"],
          ["gateway-in-test", `tools/call ${tool}`, "server"],
          ["gateway-in-test", "tools/call tell", "client"],
          [server, "tools/call tell", "server"],
        ]);
        const [, whole, hop] = chain;
        // The server gets the gateway's own span as its parent, and a remote one in headers, too.
        const passed = `00-${hop?.traceId}-${hop?.spanId}-01`;
        expect(told.meta).toEqual({ traceparent: passed });
        expect(told.headers).toEqual(server.includes("remote") ? { traceparent: passed } : {});
        expect(whole?.attributes).toEqual({
          "mcp.method.name": "tools/call",
          "gen_ai.operation.name": "execute_tool",
          "gen_ai.tool.name": tool,
          "mcp.protocol.version": era === "handshake" ? "2025-11-25" : "2026-07-28",
          "network.transport": "tcp",
          "network.protocol.name": "http",
          "mcp_wrapper.surface": "/mcp",
          "mcp_wrapper.server": server,
          "mcp_wrapper.client": "test 1",
        });
        expect(hop?.attributes).toMatchObject({
          "gen_ai.tool.name": "tell",
          "mcp_wrapper.server": server,
          "network.transport": server.includes("program") ? "pipe" : "tcp",
          ...(server.includes("program") ? {} : { "server.address": "127.0.0.1" }),
        });
        for (const { startedAt, endedAt } of chain) expect(endedAt >= startedAt).toBe(true);
        expect([whole?.failure, hop?.failure]).toEqual([undefined, undefined]);
        expect(collector.faults).toEqual([]);
      });
    }
  }
});

describe("the context of a call", () => {
  test("in headers alone counts, with its state and its baggage", async () => {
    for (const era of eras) {
      const own = traceparent();
      const headers = { traceparent: own, tracestate: "vendor=1", baggage: "team=a" };
      const { meta } = await gateway.tell(era, "program__tell", { headers });
      const [whole, hop] = await chainOf(own.split("-")[1] ?? "", 3);
      expect(whole?.parentId).toBe(own.split("-")[2]);
      expect([whole?.traceState, hop?.traceState]).toEqual(["vendor=1", "vendor=1"]);
      expect(meta).toEqual({
        traceparent: `00-${hop?.traceId}-${hop?.spanId}-01`,
        tracestate: "vendor=1",
        baggage: "team=a",
      });
    }
  });

  test("in _meta wins over the headers, which become a link", async () => {
    const [own, around] = [traceparent(), traceparent()];
    const meta = { traceparent: own, tracestate: "mine=1", baggage: "from=meta" };
    const headers = { traceparent: around, tracestate: "other=1", baggage: "from=header" };
    const told = await gateway.tell("stateless", "program__tell", { meta, headers });
    const [whole] = await chainOf(own.split("-")[1] ?? "", 3);
    expect(whole?.parentId).toBe(own.split("-")[2]);
    const [, traceId, spanId] = around.split("-");
    expect(whole?.links).toEqual([{ traceId: traceId ?? "", spanId: spanId ?? "" }]);
    expect(told.meta).toMatchObject({ tracestate: "mine=1", baggage: "from=meta" });
  });

  test("that is not valid counts as none: a new trace begins", async () => {
    const zero = "0".repeat(32);
    const invalid = [
      "00-1",
      `00-${zero}-${digits(16)}-01`,
      `00-${digits(32)}-${zero.slice(0, 16)}-01`,
      `ff-${digits(32)}-${digits(16)}-01`,
      traceparent().toUpperCase(),
      `${traceparent()}-more`,
      7,
    ];
    for (const wrong of invalid) {
      const meta = { traceparent: wrong, tracestate: "lost=1" };
      const told = await gateway.tell("handshake", "program__tell", { meta });
      const id = told.meta["traceparent"]?.split("-")[1] ?? "";
      const [whole] = await chainOf(id, 3);
      expect(whole?.parentId).toBe("");
      expect(told.meta).toEqual({ traceparent: expect.any(String) });
      expect(String(wrong)).not.toContain(id);
    }
  });

  test("of a later version counts as far as it is known", async () => {
    const [, traceId = "", spanId = ""] = traceparent().split("-");
    const meta = { traceparent: `01-${traceId}-${spanId}-01-what-comes` };
    await gateway.tell("stateless", "program__tell", { meta });
    expect((await chainOf(traceId, 3))[0]?.parentId).toBe(spanId);
  });

  test("that its client does not record makes no span, and passes as it is", async () => {
    const own = traceparent("00");
    const { meta } = await gateway.tell("handshake", "program__tell", {
      meta: { traceparent: own },
    });
    expect(meta).toEqual({ traceparent: own });
    // A call after it is there: nothing of the first is on its way.
    const other = traceparent();
    await gateway.tell("handshake", "program__tell", { meta: { traceparent: other } });
    await chainOf(other.split("-")[1] ?? "", 3);
    expect(ofTrace(own.split("-")[1] ?? "")).toEqual([]);
  });
});

test("a call that fails has the reason in its spans, but no words of a server", async () => {
  const own = traceparent();
  await gateway.call("handshake", "program__fail", { meta: { traceparent: own } });
  const [whole, hop] = await chainOf(own.split("-")[1] ?? "", 3);
  for (const one of [whole, hop]) {
    expect(one?.attributes["error.type"]).toBe("tool_error");
    expect(one?.failure).toBe("");
  }
  const third = traceparent();
  const args = { word: "an-argument-in-an-error" };
  await gateway.call("handshake", "program__refuse", { meta: { traceparent: third } }, args);
  const [called] = await chainOf(third.split("-")[1] ?? "", 2);
  expect([called?.attributes["error.type"], called?.failure]).toEqual(["upstream_error", ""]);
  expect(collector.visits.some(({ body }) => body.includes(args.word))).toBe(false);
  const other = traceparent();
  await gateway.call("handshake", "no_such_tool", { meta: { traceparent: other } });
  const [refused, ...rest] = await chainOf(other.split("-")[1] ?? "", 1);
  expect(rest).toEqual([]);
  expect(refused?.attributes).toMatchObject({
    "error.type": "invalid_params",
    "rpc.response.status_code": "-32602",
  });
  expect(refused?.failure).toContain("no_such_tool");
  expect(gateway.lines.filter((line) => line.includes(other.split("-")[1] ?? "")).length).toBe(1);
});

test("H1 spans have no arguments and no results, and the log has no header of the collector", async () => {
  const own = traceparent();
  const args = { word: "an-argument-of-the-client" };
  await gateway.call("handshake", "remote__tell", { meta: { traceparent: own } }, args);
  await chainOf(own.split("-")[1] ?? "", 3);
  const sent = collector.visits.filter(({ headers }) => headers.has("api-key"));
  expect(sent.length).toBeGreaterThan(0);
  for (const { headers, body, path } of sent) {
    expect(path).toBe("/v1/traces");
    expect(headers.get("api-key")).toBe("the key of the collector");
    expect(body).not.toContain(args.word);
    // What its tools tell is in their results.
    expect(body).not.toContain("traceparent");
    expect(body).toContain("deployment.environment.name");
  }
  expect(gateway.lines.join("\n")).toContain(`Sends spans of calls to ${collector.url}/v1/traces`);
  expect(gateway.lines.join("\n")).not.toContain("key of the collector");
});

describe("without a collector", () => {
  test("the context passes as it came, and that of headers is in _meta, too", async () => {
    const plain = await startTraced({ servers: await servers("none") });
    try {
      for (const server of serverNames) {
        const tool = `${server}__tell`;
        const isRemote = server.includes("remote");
        const meta = { traceparent: traceparent(), tracestate: "a=1", baggage: "b=2" };
        const first = await plain.tell("handshake", tool, { meta });
        expect(first).toEqual({ meta, headers: isRemote ? meta : {} });
        const headers = { traceparent: traceparent(), baggage: "c=3" };
        const second = await plain.tell("stateless", tool, { headers });
        expect(second).toEqual({ meta: headers, headers: isRemote ? headers : {} });
        const wrong = { traceparent: "00-1", tracestate: "kept" };
        const third = await plain.tell("handshake", tool, { meta: wrong });
        expect(third).toEqual({ meta: wrong, headers: {} });
        const fourth = await plain.tell("handshake", tool, { meta: wrong, headers });
        expect(fourth).toEqual({ meta: headers, headers: isRemote ? headers : {} });
        const none = await plain.tell("stateless", tool);
        expect(none).toEqual({ meta: {}, headers: {} });
      }
    } finally {
      await plain.close();
    }
  });

  test("a state or baggage that no header can carry stays in _meta", async () => {
    const plain = await startTraced({ servers: await servers("none") });
    try {
      const meta = {
        traceparent: traceparent(),
        tracestate: "a=\n1",
        baggage: `b=${"x".repeat(9_000)}`,
      };
      const told = await plain.tell("handshake", "remote__tell", { meta });
      expect(told).toEqual({ meta, headers: { traceparent: meta.traceparent } });
    } finally {
      await plain.close();
    }
  });
});

describe("the sampler", () => {
  const started: TracedGateway[] = [];
  afterAll(async () => {
    for (const one of started) await one.close();
  });
  const start = async (env: Record<string, string>) => {
    const one = await startTraced({
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...env },
      servers: { program: tracedProgram("program", "none", false) },
    });
    started.push(one);
    return one;
  };

  test("always_off records nothing, and tells servers so in another span's name", async () => {
    const off = await start({ OTEL_TRACES_SAMPLER: "always_off" });
    const own = traceparent();
    const { meta } = await off.tell("handshake", "tell", { meta: { traceparent: own } });
    const [, traceId, spanId, flags] = meta["traceparent"]?.split("-") ?? [];
    expect([traceId, flags]).toEqual([own.split("-")[1], "00"]);
    expect(spanId).not.toBe(own.split("-")[2]);
    const root = await off.tell("handshake", "tell");
    expect(root.meta["traceparent"]).toMatch(/-00$/);
    await off.close();
    expect(ofTrace(traceId ?? "")).toEqual([]);
  });

  test("always_on records what the client does not", async () => {
    const on = await start({ OTEL_TRACES_SAMPLER: "always_on" });
    const own = traceparent("00");
    const { meta } = await on.tell("handshake", "tell", { meta: { traceparent: own } });
    expect(meta["traceparent"]).toMatch(/-01$/);
    expect((await chainOf(own.split("-")[1] ?? "", 2))[0]?.parentId).toBe(own.split("-")[2]);
  });

  test("a ratio decides by the trace id alone", async () => {
    const half = await start({
      OTEL_TRACES_SAMPLER: "traceidratio",
      OTEL_TRACES_SAMPLER_ARG: "0.5",
    });
    const low = `00-${"1".repeat(32)}-${digits(16)}-01`;
    const high = `00-${"e".repeat(32)}-${digits(16)}-00`;
    const flagsOf = async (own: string) =>
      (await half.tell("handshake", "tell", { meta: { traceparent: own } })).meta["traceparent"]
        ?.slice(-2);
    expect([await flagsOf(low), await flagsOf(high)]).toEqual(["00", "01"]);
  });

  test("parentbased_traceidratio follows the client, and else the ratio", async () => {
    const none = await start({
      OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
      OTEL_TRACES_SAMPLER_ARG: "0",
    });
    const own = traceparent();
    const followed = await none.tell("handshake", "tell", { meta: { traceparent: own } });
    expect(followed.meta["traceparent"]).toMatch(/-01$/);
    const root = await none.tell("handshake", "tell");
    expect(root.meta["traceparent"]).toMatch(/-00$/);
  });
});
