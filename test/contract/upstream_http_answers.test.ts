/**
 * Which answers of a remote server count: a message with any status of success, a message on the
 * standalone stream after 202, and a JSON-RPC error with any status. The standalone stream itself
 * is optional.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { echo, type EventStream, sessionRules, type Visit } from "../fault/hostile_upstream.ts";
import { createRemotes, stateless } from "../support/http_upstream.ts";
import { callerOf, callTool, drain, failTool } from "../support/upstream_deps.ts";
import { until } from "../support/wait.ts";

const remotes = createRemotes();
const { open } = remotes;
afterEach(remotes.closeAll);

const text = (visit: Visit) =>
  JSON.stringify({ jsonrpc: "2.0", id: visit.message["id"], result: echo(visit) });
const json = { "content-type": "application/json" };

describe("an answer to a POST", () => {
  for (const status of [200, 201, 202, 203, 206, 226]) {
    test(`counts with status ${status}, in a body and in events`, async () => {
      const { server, upstream } = await open({
        ...sessionRules(),
        initialize: (visit) =>
          visit.json(
            {
              jsonrpc: "2.0",
              id: visit.message["id"],
              result: { protocolVersion: "2025-06-18", capabilities: { tools: {} } },
            },
            status,
            { "mcp-session-id": "s" },
          ),
        "tools/call"(visit) {
          if (visit.params["name"] === "body") return visit.status(status, json, text(visit));
          const stream = visit.stream({}, status);
          stream.result(echo(visit));
          stream.end();
        },
      });
      expect(await callTool(upstream, "body", { n: 1 })).toBe('{"n":1}');
      expect(await callTool(upstream, "events", { n: 2 })).toBe('{"n":2}');
      expect(server.of("tools/call").map(({ session }) => session)).toEqual(["s", "s"]);
    });
  }

  test("counts whatever media type it claims", async () => {
    for (const type of ["text/plain", "application/octet-stream", "application/vnd.x+json", ""]) {
      const headers = type === "" ? {} : { "content-type": type };
      const { upstream } = await open({
        ...sessionRules(),
        "tools/call": (visit) => visit.status(200, headers, text(visit)),
      });
      expect([type, await callTool(upstream, "x", { n: 1 })]).toEqual([type, '{"n":1}']);
    }
  });

  test("is read if it is a JSON-RPC error, whatever its status and media type", async () => {
    const error = { code: 42, message: "the tool says no" };
    const body = (visit: Visit) =>
      JSON.stringify({ jsonrpc: "2.0", id: visit.message["id"], error });
    const outcomes: Record<number, string> = {
      200: "unknown",
      400: "refused",
      403: "refused",
      404: "unknown",
      408: "unknown",
      409: "refused",
      422: "refused",
      429: "refused",
      500: "unknown",
      503: "unknown",
    };
    for (const [status, outcome] of Object.entries(outcomes)) {
      for (const headers of [json, { "content-type": "text/plain" }, {}]) {
        const { upstream } = await open({
          ...sessionRules(),
          initialize: (visit) =>
            visit.result({ protocolVersion: "2025-06-18", capabilities: { tools: {} } }),
          "tools/call": (visit) => visit.status(Number(status), headers, body(visit)),
        });
        expect([status, await failTool(upstream, "x")])
          .toEqual([status, { ...error, data: { outcome } }]);
      }
    }
  });

  test("is an error of this request even without an id, unless it has another's", async () => {
    for (const id of [null, "server-error"]) {
      const { upstream } = await open({
        ...sessionRules(),
        "tools/call": (visit) => visit.error(200, { code: -32600, message: "bad request" }, id),
      });
      expect((await failTool(upstream, "x")).message).toBe("bad request");
    }
  });
});

describe("a request that is only accepted (202)", () => {
  test("is answered on the standalone stream", async () => {
    let standing: EventStream | undefined;
    const { server, upstream } = await open({
      ...sessionRules(),
      GET: (visit) => void (standing = visit.stream()),
      async "tools/call"(visit) {
        const { name } = visit.params;
        if (name === "json") visit.status(202, json, '{"status":"accepted"}');
        else visit.status(202, {}, name === "words" ? "Accepted" : "");
        (await until("it listens", () => standing)).result(echo(visit), visit.message["id"]);
      },
    });
    expect(await callTool(upstream, "x", { n: 1 })).toBe('{"n":1}');
    expect(await callTool(upstream, "words", { n: 2 })).toBe('{"n":2}');
    expect(await callTool(upstream, "json", { n: 3 })).toBe('{"n":3}');
    expect(server.of("tools/call").length).toBe(3);
    expect(server.of("GET").length).toBe(1);
  });

  test("may be the first message", async () => {
    let standing: EventStream | undefined;
    const { server, upstream } = await open({
      ...sessionRules(),
      GET: (visit) => void (standing = visit.stream()),
      async initialize(visit) {
        visit.status(202, { "mcp-session-id": "s" });
        const result = { protocolVersion: "2025-06-18", capabilities: { tools: {} } };
        (await until("it listens", () => standing)).result(result, visit.message["id"]);
      },
    });
    expect(await callTool(upstream, "x", { n: 1 })).toBe('{"n":1}');
    expect(server.of("GET").map(({ session }) => session)).toEqual(["s"]);
  });

  test("fails soon if the server has no such stream; the outcome is unknown", async () => {
    for (const status of [400, 404, 405]) {
      const { server, upstream } = await open({
        ...sessionRules(),
        GET: (visit) => visit.status(status),
        "tools/call": (visit) => visit.status(202),
      });
      const error = await failTool(upstream, "x");
      expect(error.message).toContain("has no event stream for the answer");
      expect(error.data).toMatchObject({ reason: "bad_upstream_response", outcome: "unknown" });
      expect(server.of("tools/call").length).toBe(1);
    }
  });

  test("fails at its time limit if no answer comes; the outcome is unknown", async () => {
    const { server, upstream } = await open(
      {
        ...sessionRules(),
        GET: (visit) => visit.stream(),
        "tools/call": (visit) => visit.status(202),
      },
      { callTimeoutMs: 200 },
      {},
      { clock: remotes.pacedClock() },
    );
    const error = await failTool(upstream, "x");
    expect(error.data).toMatchObject({ reason: "upstream_timeout", outcome: "unknown" });
    expect(error.message).toContain("whether it took effect is unknown");
    expect(server.of("tools/call").length).toBe(1);
  });
});

describe("a standalone stream that cannot be opened", () => {
  const refusals: Record<string, (visit: Visit) => unknown> = {
    "403": (visit) => visit.status(403),
    "429": (visit) => visit.status(429),
    "500": (visit) => visit.status(500),
    "503": (visit) => visit.status(503),
    "504": (visit) => visit.status(504),
    "a reset": (visit) => visit.cut(),
    "a page": (visit) => visit.status(200, { "content-type": "text/html" }, "<p>hello"),
  };
  for (const [name, refuse] of Object.entries(refusals)) {
    test(`(${name}) does not affect the calls and is logged once`, async () => {
      const { server, upstream, deps } = await open(
        { ...sessionRules(), GET: refuse },
        {},
        // One failure that counted would open the circuit.
        { circuitFailuresMax: 1, httpRetriesMax: 3, httpRetryMsMin: 1 },
      );
      await callTool(upstream, "x");
      const isTried = name !== "a page";
      await until("it is tried again", () => server.of("GET").length >= (isTried ? 3 : 1));
      expect(await callTool(upstream, "x", { n: 1 })).toBe('{"n":1}');
      const told = deps.lines.filter(({ message }) =>
        message.startsWith("Cannot open the standalone stream")
      );
      expect(told.length).toBe(isTried ? 1 : 0);
    });
  }
});

describe("a URL that redirects", () => {
  test("is followed for the first message; no call is sent twice", async () => {
    const rules = sessionRules();
    const initialize = rules["initialize"];
    const { server, upstream } = await open({
      ...rules,
      initialize: (visit) =>
        visit.path.endsWith("/") ? initialize?.(visit) : visit.status(307, { location: "/mcp/" }),
    });
    expect(await callTool(upstream, "x", { n: 1 })).toBe('{"n":1}');
    expect(server.of("tools/call").map(({ path }) => path)).toEqual(["/mcp/"]);
  });

  test("fails the call if it comes later; the outcome is unknown", async () => {
    for (const status of [301, 302, 303, 307, 308]) {
      const { server, upstream } = await open({
        ...sessionRules(),
        "tools/call": (visit) => visit.status(status, { location: "/elsewhere" }),
      });
      const error = await failTool(upstream, "x");
      expect([status, error.data["outcome"], server.of("tools/call").length])
        .toEqual([status, "unknown", 1]);
      expect(server.visits.filter(({ path }) => path === "/elsewhere")).toEqual([]);
    }
  });
});

describe("a fault over the first message", () => {
  test("of one dialect is followed by the next", async () => {
    for (const status of [500, 501, 502, 503, 504]) {
      const { server, upstream } = await open({
        ...sessionRules(),
        "server/discover": (visit) => visit.status(status),
      });
      expect(await callTool(upstream, "x", { n: 1 }, stateless())).toBe('{"n":1}');
      expect(server.of("initialize").length).toBe(1);
    }
  });

  test("however often, does not affect clients of another dialect", async () => {
    const { upstream } = await open({
      ...sessionRules(),
      "server/discover": (visit) => visit.status(403),
    });
    for (let times = 1; times <= 9; times += 1) {
      expect(
        (await drain(upstream.open({
          method: "tools/call",
          params: { name: "x" },
          wantsProgress: false,
          caller: stateless(),
        }))).end,
      ).toMatchObject({ kind: "failure", error: { outcome: "not_sent" } });
    }
    expect(await callTool(upstream, "x", { n: 1 }, callerOf("a"))).toBe('{"n":1}');
    expect(upstream.status().state).toBe("running");
  });
});
