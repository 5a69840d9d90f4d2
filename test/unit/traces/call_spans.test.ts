/** The spans of a call, from the event of its end, and how they are written. */
import { describe, expect, test } from "bun:test";
import { gatewayPrincipal } from "../../../src/model.ts";
import type { CallEvent } from "../../../src/telemetry/call_events.ts";
import type { CallSpans } from "../../../src/telemetry/call_trace.ts";
import { spansOf } from "../../../src/traces/call_spans.ts";
import { createOtlpWriter } from "../../../src/traces/otlp_json.ts";

const ids = { traceId: "a".repeat(32), spanId: "b".repeat(16), hopId: "c".repeat(16) };
const startedAt = 1_700_000_000_000;

/** A call that ended 30 ms after it began, and reached its server between 5 and 25 ms. */
function ended(event: Partial<CallEvent> = {}, spans: Partial<CallSpans> = {}): CallEvent {
  const server = { name: "files", kind: "stdio" };
  const hop = { server, begunAt: 105, endedAt: 125 };
  const whole = { ...ids, flags: 1, revision: "any", startedAt, begunAt: 100, hop, ...spans };
  return {
    type: "call_ended",
    call: 1,
    surface: "/mcp",
    method: "tools/call",
    item: "files__read",
    own: "read",
    principal: "anonymous",
    clientInfo: { name: "client", version: "2" },
    server: "files",
    ms: 30,
    outcome: "ok",
    trace: { traceId: ids.traceId, spans: whole },
    ...event,
  };
}

const spans = (event?: Partial<CallEvent>, more?: Partial<CallSpans>) =>
  spansOf(ended(event, more), 130, 100);

describe("the spans of a call", () => {
  test("have the times of the call, and of its way to the server", () => {
    expect(spans().map(({ startedAt: start, endedAt }) => [start, endedAt])).toEqual([
      [startedAt, startedAt + 30],
      [startedAt + 5, startedAt + 25],
    ]);
  });

  test("are one if no server got the call, and none if the call is not recorded", () => {
    expect(spans({}, { hop: undefined }).length).toBe(1);
    expect(spans({ trace: { traceId: ids.traceId } })).toEqual([]);
    expect(spans({ trace: undefined })).toEqual([]);
  });

  test("of a call that waits for its client, or that it gave up, have no error", () => {
    for (const outcome of ["paused", "cancelled"]) {
      const [whole, hop] = spans({ outcome });
      expect(whole?.attributes["mcp_wrapper.outcome"]).toBe(outcome);
      expect([whole?.failure, hop?.failure]).toEqual([undefined, undefined]);
      expect(whole?.attributes["error.type"]).toBe(undefined);
    }
  });

  test("of a parked call end with it, though its server goes on", () => {
    const hop = { server: { name: "files", kind: "stdio" }, begunAt: 105 };
    expect(spans({ outcome: "paused" }, { hop })[1]?.endedAt).toBe(startedAt + 30);
  });

  test("are named by what has few values: never by a URI", () => {
    const names = (method: string, item?: string) =>
      spans({ method, item, own: item }).map(({ name }) => name);
    expect(names("prompts/get", "greet")).toEqual(["prompts/get greet", "prompts/get greet"]);
    expect(names("resources/read", "file:///a")).toEqual(["resources/read", "resources/read"]);
    expect(names("tools/list")).toEqual(["tools/list", "tools/list"]);
    const [read] = spans({ method: "resources/read", item: "file:///a" });
    expect(read?.attributes["mcp.resource.uri"]).toBe("file:///a");
    const [greet] = spans({ method: "prompts/get", item: "greet" });
    expect(greet?.attributes["gen_ai.prompt.name"]).toBe("greet");
    expect(greet?.attributes["gen_ai.operation.name"]).toBe(undefined);
  });

  test("say where a server is, as far as it has an address", () => {
    const network = (server: NonNullable<CallSpans["hop"]>["server"]) => {
      const { attributes = {} } = spans({}, { hop: { server, begunAt: 105 } })[1] ?? {};
      return ["network.transport", "server.address", "server.port"].map((name) => attributes[name]);
    };
    expect(network({ name: "a", kind: "http", url: "https://mcp.example.com/x" }))
      .toEqual(["tcp", "mcp.example.com", 443]);
    expect(network({ name: "a", kind: "http", url: "http://[::1]:8080/x" }))
      .toEqual(["tcp", "::1", 8080]);
    expect(network({ name: "a", kind: "rest", baseUrl: "http://api.example.com" }))
      .toEqual(["tcp", "api.example.com", 80]);
    expect(network({ name: "a", kind: "own" })).toEqual([undefined, undefined, undefined]);
    expect(network(undefined)).toEqual([undefined, undefined, undefined]);
  });

  test("of a call that the program itself makes are of no network", () => {
    const [whole] = spans({ principal: gatewayPrincipal.id });
    expect(whole?.kind).toBe(1);
    expect(whole?.attributes["network.transport"]).toBe(undefined);
  });
});

describe("written spans", () => {
  const writer = createOtlpWriter({
    resource: { "service.name": "gateway" },
    scope: { name: "mcp-wrapper", version: "1" },
    hide: (text) => text.replaceAll("hush", "[redacted]"),
    textCharsMax: 20,
  });

  test("hide secrets before they cut a text, so that no beginning of one is left", () => {
    const failure = { client: "c", code: "internal", reason: "it has 12345678901 hush and more" };
    const [whole] = spans({ failure, outcome: "internal", item: "hush" });
    if (whole === undefined) throw new Error("no span");
    const written = writer.span(whole);
    expect(written).not.toContain("hu");
    expect(JSON.parse(written)).toMatchObject({
      name: "tools/call [redacte…",
      status: { code: 2, message: "it has 12345678901 …" },
    });
  });

  test("have times in nanoseconds as texts, exact to the microsecond", () => {
    const [whole] = spans({}, { startedAt: startedAt + 0.25, begunAt: 129.999 });
    if (whole === undefined) throw new Error("no span");
    expect(JSON.parse(writer.span(whole))).toMatchObject({
      startTimeUnixNano: "1700000000000250000",
      endTimeUnixNano: "1700000000000251000",
    });
  });
});
