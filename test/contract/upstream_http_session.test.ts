/**
 * What a remote session survives: broken streams of answers, the end of the standalone stream, and
 * a server that loses the session. Nothing is executed twice, and unknown outcomes are reported as
 * unknown.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { type Clock, systemClock } from "../../src/clock.ts";
import {
  echo,
  type EventStream,
  type Rules,
  sessionRules,
  type Visit,
} from "../fault/hostile_upstream.ts";
import { createRemotes } from "../support/http_upstream.ts";
import {
  callerOf,
  callTool,
  drain,
  failTool,
  toolCall,
  watchScope,
} from "../support/upstream_deps.ts";
import { until, within } from "../support/wait.ts";

const remotes = createRemotes();
const { open } = remotes;
afterEach(remotes.closeAll);

/** The real clock; the waits that were asked for can be read. */
function recordingClock(): Clock & { readonly waits: number[] } {
  const waits: number[] = [];
  return {
    ...systemClock,
    waits,
    after(ms, run) {
      waits.push(ms);
      return systemClock.after(ms, run);
    },
  };
}

const lastEventIds = (visits: readonly Visit[]) =>
  visits.map(({ headers }) => headers["last-event-id"]).filter((id) => id !== undefined);
const answerOf = (call: Visit | undefined) => ({
  data: { jsonrpc: "2.0", id: call?.message["id"], result: call === undefined ? {} : echo(call) },
});
const changed = (kind: string) => ({
  data: { jsonrpc: "2.0", method: `notifications/${kind}/list_changed` },
});

describe("an answer whose stream breaks", () => {
  test("is resumed after the last event, at the time that the server asks for", async () => {
    const clock = recordingClock();
    let endedAt = 0;
    const { server, upstream } = await open(
      {
        ...sessionRules(),
        "tools/call"(visit) {
          const stream = visit.stream();
          stream.event({ id: "place 1", retry: 321 });
          endedAt = performance.now();
          stream.end();
        },
        GET(visit) {
          if (!("last-event-id" in visit.headers)) return visit.status(405);
          const stream = visit.stream();
          stream.event(answerOf(server.of("tools/call")[0]));
          stream.end();
        },
      },
      {},
      {},
      { clock },
    );
    expect(await callTool(upstream, "echo", { n: 1 })).toBe('{"n":1}');
    expect(lastEventIds(server.visits)).toEqual(["place 1"]);
    expect(clock.waits).toContain(321);
    const resumed = server.of("GET").at(-1);
    // A runtime may fire a timer a moment early.
    expect((resumed?.at ?? 0) - endedAt > 300).toBe(true);
    expect(resumed?.session).toBe("s1");
    expect(resumed?.headers["mcp-protocol-version"]).toBe("2025-11-25");
    expect(resumed?.headers["accept"]).toBe("text/event-stream");
    expect(server.of("tools/call").length).toBe(1);
  });

  test("may break any number of times, as long as each piece has an event", async () => {
    let piece = 0;
    const { server, upstream } = await open({
      ...sessionRules(),
      "tools/call"(visit) {
        const stream = visit.stream();
        stream.event({ id: "0", retry: 1 });
        stream.cut();
      },
      GET(visit) {
        if (!("last-event-id" in visit.headers)) return visit.status(405);
        const stream = visit.stream();
        piece += 1;
        if (piece < 12) stream.event({ id: String(piece) });
        else stream.event(answerOf(server.of("tools/call")[0]));
        stream.end();
      },
    });
    expect(await callTool(upstream, "echo", { n: 1 })).toBe('{"n":1}');
    expect(lastEventIds(server.visits)).toEqual(Array.from({ length: 12 }, (_, n) => String(n)));
  });

  test("notices and questions of the rest still belong to the call", async () => {
    const asking = callerOf("a", { capabilities: { sampling: {} } });
    let rest: EventStream | undefined;
    const { server, upstream } = await open({
      ...sessionRules(),
      "tools/call"(visit) {
        const stream = visit.stream();
        stream.event({ id: "1", retry: 1 });
        stream.end();
      },
      GET(visit) {
        if (!("last-event-id" in visit.headers)) return visit.status(405);
        rest = visit.stream();
        const params = { messages: [], maxTokens: 1 };
        rest.event({ data: { jsonrpc: "2.0", id: 7, method: "sampling/createMessage", params } });
      },
      answer(visit) {
        visit.status(202);
        rest?.event(answerOf(server.of("tools/call")[0]));
      },
    });
    const { asks, end } = await drain(
      upstream.open(toolCall("work", {}, asking)),
      () => ({ kind: "answer", value: {} }),
    );
    expect(asks.length).toBe(1);
    expect(end.kind).toBe("result");
  });

  test("fails after a few failed attempts; its outcome is unknown", async () => {
    const clock = recordingClock();
    const { server, upstream } = await open(
      {
        ...sessionRules(),
        "tools/call"(visit) {
          const stream = visit.stream();
          stream.event({ id: "1", retry: 0 });
          stream.end();
        },
        GET: (visit) => "last-event-id" in visit.headers ? visit.stream().end() : visit.status(405),
      },
      {},
      { resumesMax: 3, reconnectMsFloor: 17 },
      { clock },
    );
    const error = await failTool(upstream, "x");
    expect(error.data["outcome"]).toBe("unknown");
    expect(lastEventIds(server.visits).length).toBe(3);
    // A server that wants us back at once gets us back a little later.
    expect(clock.waits.filter((ms) => ms === 17).length).toBe(3);
    expect(server.of("tools/call").length).toBe(1);
  });

  test("is not requested again from a server that cannot resume", async () => {
    for (const status of [400, 404, 405]) {
      const { server, upstream } = await open({
        ...sessionRules(),
        "tools/call"(visit) {
          const stream = visit.stream();
          stream.event({ id: "1", retry: 1 });
          stream.end();
        },
        GET: (visit) => visit.status("last-event-id" in visit.headers ? status : 405),
      });
      expect((await failTool(upstream, "x")).data["outcome"]).toBe("unknown");
      expect(lastEventIds(server.visits)).toEqual(["1"]);
    }
  });

  test("fails without an event id; nothing is sent twice", async () => {
    for (const how of ["end", "cut"] as const) {
      const { server, upstream } = await open({
        ...sessionRules(),
        "tools/call"(visit) {
          const stream = visit.stream();
          stream.event({ data: { jsonrpc: "2.0", method: "notifications/message", params: {} } });
          stream[how]();
        },
      });
      const error = await failTool(upstream, "x");
      expect(error.message).toContain("unknown");
      expect(error.data["outcome"]).toBe("unknown");
      expect(server.of("tools/call").length).toBe(1);
      expect(lastEventIds(server.visits)).toEqual([]);
    }
  });

  test("a withdrawn event id is not used to resume", async () => {
    const { server, upstream } = await open({
      ...sessionRules(),
      "tools/call"(visit) {
        const stream = visit.stream();
        stream.event({ id: "1" });
        stream.raw("id\ndata:\n\n");
        stream.end();
      },
    });
    expect((await failTool(upstream, "x")).data["outcome"]).toBe("unknown");
    expect(server.of("GET").length < 2).toBe(true);
  });
});

describe("an event id", () => {
  /** The headers with which a stream is opened again after events with these ids. */
  const placesAfter = async (...ids: string[]) => {
    const streams: EventStream[] = [];
    const { server, upstream } = await open({
      ...sessionRules(),
      GET: (visit) => void streams.push(visit.stream()),
    });
    await callTool(upstream, "echo");
    for (const [index, id] of ids.entries()) {
      const stream = await until("it listens", () => streams[index]);
      stream.event({ id, retry: 5 });
      stream.end();
    }
    await until("it listens again", () => streams.length > ids.length);
    return lastEventIds(server.of("GET"));
  };

  test("may be any text, sent as UTF-8", async () => {
    const [place = ""] = await placesAfter("日本 7");
    const bytes = Uint8Array.from(String(place), (char) => char.charCodeAt(0));
    expect(new TextDecoder().decode(bytes)).toBe("日本 7");
  });

  test("that no header can carry is ignored, and the stream is opened anyway", async () => {
    expect(await placesAfter("a\u0001b", "x".repeat(100_000), "7")).toEqual(["7"]);
  });
});

describe("the standalone stream", () => {
  test("brings messages that belong to no call, and is opened only after the handshake", async () => {
    let standing: EventStream | undefined;
    const { server, upstream } = await open({
      ...sessionRules(),
      GET: (visit) => void (standing = visit.stream()),
    });
    const { methods } = watchScope(upstream, "a");
    await callTool(upstream, "echo");
    const stream = await until("it listens", () => standing);
    stream.event(changed("tools"));
    await until("the change arrives", () => methods().includes("notifications/tools/list_changed"));
    const order = server.visits.map(({ verb, method }) => method || verb);
    expect(order.indexOf("GET") > order.indexOf("notifications/initialized")).toBe(true);
    const [visit] = server.of("GET");
    expect(visit?.session).toBe("s1");
    await upstream.close();
    await within("it is closed", visit?.gone ?? Promise.resolve());
  });

  test("is opened again when it ends, and resumes after the last event", async () => {
    const streams: EventStream[] = [];
    const { server, upstream } = await open({
      ...sessionRules(),
      GET: (visit) => void streams.push(visit.stream()),
    });
    const { methods } = watchScope(upstream, "a");
    await callTool(upstream, "echo");
    await until("it listens", () => streams.length === 1);
    streams[0]?.event({ id: "7", retry: 10 });
    streams[0]?.end();
    await until("it listens again", () => streams.length === 2);
    streams[1]?.cut();
    await until("and again", () => streams.length === 3);
    streams[2]?.event(changed("prompts"));
    await until(
      "the change arrives",
      () => methods().includes("notifications/prompts/list_changed"),
    );
    expect(lastEventIds(server.of("GET"))).toEqual(["7", "7"]);
  });

  test("a server that ends it at once is asked again with backoff, whatever retry time it names", async () => {
    // On a busy machine each stream would seem to stand for a while, which ends the backoff.
    const clock = { ...recordingClock(), monotonic: () => 0 };
    const { server, upstream } = await open(
      {
        ...sessionRules(),
        GET(visit) {
          const stream = visit.stream();
          stream.raw("retry: 0\n\n");
          stream.end();
        },
      },
      {},
      { reconnectMsMin: 20, reconnectMsMax: 160 },
      { clock },
    );
    await callTool(upstream, "echo");
    await until("it was opened some times", () => server.of("GET").length >= 5);
    const grown = clock.waits.filter((ms) => [40, 80, 160].includes(ms));
    expect(grown.slice(0, 4)).toEqual([40, 80, 160, 160]);
  });

  test("a server without one is asked only once", async () => {
    for (const status of [400, 404, 405]) {
      const { server, upstream } = await open({
        ...sessionRules(),
        GET: (visit) => visit.status(status),
      });
      for (let n = 0; n < 3; n++) await callTool(upstream, "echo");
      await until("it was asked", () => server.of("GET").length > 0);
      await callTool(upstream, "echo");
      expect(server.of("GET").length).toBe(1);
      expect(server.of("initialize").length).toBe(1);
    }
  });
});

/** A server that can be made to forget its sessions. */
function forgetfulRules(
  refuse: (visit: Visit) => unknown = (visit) => visit.status(404),
  overrides: Rules = {},
) {
  const rules = { ...sessionRules(), ...overrides };
  let known: string | undefined;
  const knowing = Object.entries(rules).map(([name, rule]): [string, Rules[string]] => [
    name,
    (visit) => visit.session === known || name === "initialize" ? rule(visit) : refuse(visit),
  ]);
  const all: Rules = Object.fromEntries(knowing);
  all["initialize"] = (visit) => {
    known = `k${Math.random()}`;
    return visit.result({
      protocolVersion: "2025-11-25",
      capabilities: { tools: {}, logging: {}, resources: { subscribe: true } },
    }, { "mcp-session-id": known });
  };
  return { rules: all, forget: () => void (known = "none") };
}

describe("F11 a session that the server lost", () => {
  test("is replaced once for all calls that use it; they fail, and none is made twice", async () => {
    const { rules, forget } = forgetfulRules();
    const { server, upstream } = await open(rules);
    await callTool(upstream, "echo");
    for (let round = 1; round <= 5; round++) {
      forget();
      const calls = [1, 2, 3, 4].map((n) => failTool(upstream, "echo", { n }));
      for (const error of await Promise.all(calls)) {
        expect(error.message).toContain("no longer knows the session (status 404)");
        expect(error.message).toContain("whether it took effect is unknown");
        expect(error.data["outcome"]).toBe("unknown");
      }
      expect(await callTool(upstream, "echo", { n: 5 })).toBe('{"n":5}');
      expect(server.of("initialize").length).toBe(1 + round);
      expect(server.of("tools/call").length).toBe(1 + 5 * round);
    }
    const sessions = server.of("notifications/initialized").map(({ session }) => session);
    expect(new Set(sessions).size).toBe(6);
    expect(server.of("initialize").every(({ session }) => session === undefined)).toBe(true);
  });

  test("is replaced after any 404 to a call, whatever the error in it says", async () => {
    for (const code of [-32001, -32600, -32601, -32602, -32603]) {
      const { rules, forget } = forgetfulRules((visit) =>
        visit.error(404, { code, message: "Invalid" })
      );
      const { server, upstream } = await open(rules);
      await callTool(upstream, "echo");
      forget();
      expect((await failTool(upstream, "echo")).data["outcome"]).toBe("unknown");
      expect([code, await callTool(upstream, "echo", { n: 1 })]).toEqual([code, '{"n":1}']);
      expect(server.of("initialize").length).toBe(2);
      expect(server.of("tools/call").length).toBe(3);
    }
  });

  test("is replaced if a list's error is about a session, whatever its code", async () => {
    const words = { code: -32602, message: "Invalid session ID" };
    for (const [status, id] of [[404, undefined], [400, null]] as const) {
      const { rules, forget } = forgetfulRules((visit) => visit.error(status, words, id));
      const { server, upstream } = await open(rules);
      await callTool(upstream, "echo");
      forget();
      const read = { method: "resources/read", params: { uri: "mem://a" } };
      await drain(upstream.open({ ...read, wantsProgress: false, caller: callerOf("a") }));
      expect([status, server.of("initialize").length]).toEqual([status, 2]);
    }
  });

  test("does not affect another client's session", async () => {
    let known = new Set<string | undefined>();
    const { server, upstream } = await open({
      ...sessionRules(),
      initialize(visit) {
        const id = `n${known.size}-${server.of("initialize").length}`;
        known.add(id);
        visit.result({ protocolVersion: "2025-11-25", capabilities: {} }, {
          "mcp-session-id": id,
        });
      },
      "tools/call": (visit) =>
        known.has(visit.session) ? visit.result(echo(visit)) : visit.status(404),
    });
    const [a, b] = [callerOf("a"), callerOf("b")];
    await callTool(upstream, "echo", {}, a);
    await callTool(upstream, "echo", {}, b);
    const [ofA, ofB] = server.of("tools/call").map(({ session }) => session);
    known = new Set([ofB]);
    await failTool(upstream, "echo", {}, a);
    await callTool(upstream, "echo", {}, a);
    await callTool(upstream, "echo", {}, b);
    const later = server.of("tools/call").map(({ session }) => session);
    expect(later.slice(2, 3)).toEqual([ofA]);
    expect(later.at(-1)).toBe(ofB);
    expect(server.of("initialize").length).toBe(3);
  });

  test("the new session gets the log level, the subscriptions and a standalone stream", async () => {
    const { rules, forget } = forgetfulRules(undefined, { GET: (visit) => visit.stream() });
    const { server, upstream } = await open(rules);
    watchScope(upstream, "a", undefined, { subscriptions: ["mem://a"] });
    const level = { method: "logging/setLevel", params: { level: "error" } };
    await callTool(upstream, "echo");
    await drain(upstream.open({ ...level, wantsProgress: false, caller: callerOf("a") }));
    forget();
    await failTool(upstream, "echo");
    await callTool(upstream, "echo");
    const renewed = server.of("initialize").length === 2 &&
      server.of("notifications/initialized").at(-1)?.session;
    const told = (name: string) => server.of(name).filter(({ session }) => session === renewed);
    await until(
      "all state is restored",
      () =>
        told("logging/setLevel").length > 0 && told("resources/subscribe").length > 0 &&
        told("GET").length > 0,
    );
    expect(told("logging/setLevel")[0]?.params).toEqual({ level: "error" });
    expect(told("resources/subscribe")[0]?.params).toEqual({ uri: "mem://a" });
  });

  const inWords: readonly (readonly [number, string, id?: string | null])[] = [
    [400, "Bad Request: No valid session ID provided"],
    [400, "Bad Request: Server not initialized"],
    [400, "Session not found"],
    [400, "Unknown session", "server-error"],
    [401, "Invalid session ID"],
    [403, "The session has expired"],
    [410, "Gone"],
    [422, "mcp-session-id header is missing or unknown"],
    [500, "session does not exist"],
    [200, "Session terminated"],
    [200, "Session expired", "server-error"],
  ];
  for (const [status, message, id = null] of inWords) {
    test(`is replaced if the server answers ${status} "${message}"`, async () => {
      const { rules, forget } = forgetfulRules((visit) =>
        visit.error(status, { code: -32000, message }, id)
      );
      const { server, upstream } = await open(rules);
      await callTool(upstream, "echo");
      forget();
      expect((await failTool(upstream, "echo")).data["outcome"]).toBe("unknown");
      expect(await callTool(upstream, "echo", { n: 1 })).toBe('{"n":1}');
      expect(server.of("initialize").length).toBe(2);
      expect(server.of("tools/call").length).toBe(3);
    });
  }

  test("is replaced if the server says so in plain text", async () => {
    const { rules, forget } = forgetfulRules((visit) =>
      visit.status(400, { "content-type": "text/plain" }, "invalid session")
    );
    const { server, upstream } = await open(rules);
    await callTool(upstream, "echo");
    forget();
    expect((await failTool(upstream, "echo")).data["outcome"]).toBe("unknown");
    expect(await callTool(upstream, "echo", { n: 1 })).toBe('{"n":1}');
    expect(server.of("initialize").length).toBe(2);
  });

  test("is not recognised in the refusal of a configured log-in, nor in a tool's text", async () => {
    const words = { code: -32000, message: "Your session is invalid" };
    const refused = await open(
      { ...sessionRules(), "tools/call": (visit) => visit.error(401, words) },
      { headers: { authorization: "Bearer x" } },
    );
    expect((await failTool(refused.upstream, "x")).data["outcome"]).toBe("refused");
    const told = await open({
      ...sessionRules(),
      "tools/call": (visit) => visit.error(200, words),
    });
    expect((await failTool(told.upstream, "x")).message).toBe("Your session is invalid");
    const argument = { code: -32602, message: "session_id is required" };
    const invalid = await open({
      ...sessionRules(),
      "tools/call": (visit) => visit.error(400, argument),
    });
    expect((await failTool(invalid.upstream, "x")).data).toEqual({ outcome: "refused" });
    for (const { server } of [refused, told, invalid]) {
      expect(server.of("initialize").length).toBe(1);
    }
  });

  test("repeats what is safe: lists, reads, and tools whose hints say so", async () => {
    const { rules, forget } = forgetfulRules(undefined, {
      "tools/list": (visit) =>
        visit.result({
          tools: [
            { name: "look", inputSchema: {}, annotations: { readOnlyHint: true } },
            { name: "set", inputSchema: {}, annotations: { idempotentHint: true } },
            { name: "add", inputSchema: {}, annotations: { readOnlyHint: false } },
          ],
        }),
      "resources/read": (visit) => visit.result({ contents: [] }),
    });
    const { server, upstream } = await open(rules);
    await callTool(upstream, "echo");
    for (const name of ["look", "set"]) {
      forget();
      expect(await callTool(upstream, name, { n: 1 })).toBe('{"n":1}');
    }
    for (const name of ["add", "unlisted"]) {
      forget();
      expect((await failTool(upstream, name)).data["outcome"]).toBe("unknown");
    }
    forget();
    const read = { method: "resources/read", params: { uri: "mem://a" }, wantsProgress: false };
    expect((await drain(upstream.open({ ...read, caller: callerOf("a") }))).end.kind)
      .toBe("result");
    expect(server.of("tools/call").map(({ params }) => params["name"]))
      .toEqual(["echo", "look", "look", "set", "set", "add", "unlisted"]);
  });

  test("is not recognised in an error about an unknown method", async () => {
    const { server, upstream } = await open({
      ...sessionRules(),
      "tools/call": (visit) => visit.error(404, { code: -32601, message: "Method not found" }),
    });
    expect((await failTool(upstream, "x")).code).toBe(-32601);
    expect(server.of("initialize").length).toBe(1);
  });

  test("is noticed by the standalone stream, without a call", async () => {
    const streams: EventStream[] = [];
    const { rules, forget } = forgetfulRules(undefined, {
      GET: (visit) => void streams.push(visit.stream()),
    });
    const { server, upstream } = await open(rules);
    await callTool(upstream, "echo");
    const first = await until("it listens", () => streams[0]);
    forget();
    first.end();
    await until("it listens in a new session", () => streams.length === 2);
    expect(server.of("initialize").length).toBe(2);
  });

  test("may be replaced any number of times without a call in between, if each lived for long", async () => {
    let later = 0;
    const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + later };
    const streams: EventStream[] = [];
    const { rules, forget } = forgetfulRules(undefined, {
      GET: (visit) => void streams.push(visit.stream()),
    });
    const { server, upstream } = await open(rules, {}, {}, { clock });
    await callTool(upstream, "echo");
    for (let times = 1; times <= 6; times += 1) {
      const stream = await until("it listens", () => streams[times - 1]);
      later += 3_600_000;
      forget();
      stream.end();
      await until("it listens in a new session", () => streams.length === times + 1);
    }
    expect(server.of("initialize").length).toBe(7);
    expect(upstream.status().state).toBe("running");
  });

  test("a server that loses each session at once is asked for a few, not forever", async () => {
    const { server, upstream } = await open({
      ...sessionRules(),
      "tools/call": (visit) => visit.status(404),
      "tools/list": (visit) => visit.status(404),
      // Each new session gets the subscription, and forgets it.
      "resources/subscribe": (visit) => visit.status(404),
    });
    watchScope(upstream, "a", undefined, { subscriptions: ["mem://a"] });
    const error = await failTool(upstream, "x");
    expect(error.data["reason"]).toBe("upstream_unavailable");
    await until("it is given up", () => upstream.status().state !== "running");
    expect(server.of("initialize").length < 8).toBe(true);
  });

  test("fails its calls if no new one can be opened; their outcome is unknown", async () => {
    const { rules, forget } = forgetfulRules();
    const { server, upstream } = await open(rules);
    await callTool(upstream, "echo");
    forget();
    server.rules["initialize"] = (visit) => visit.status(503);
    const errors = await Promise.all([1, 2].map(() => failTool(upstream, "x")));
    for (const error of errors) {
      expect(error.data["reason"]).toBe("upstream_unavailable");
      expect(error.data["outcome"]).toBe("unknown");
    }
    await until("the one attempt has failed", () => upstream.status().state !== "running");
    expect(server.of("initialize").length).toBe(2);
  });

  test("no call is sent outside of a session when no new one could be opened", async () => {
    const { rules, forget } = forgetfulRules();
    const { server, upstream } = await open(rules, {}, { restartMsMin: 0 });
    await callTool(upstream, "echo");
    forget();
    const initialize = server.rules["initialize"];
    server.rules["initialize"] = (visit) => visit.status(503);
    await failTool(upstream, "x");
    expect((await failTool(upstream, "x")).data["reason"]).toBe("upstream_unavailable");
    expect(server.of("tools/call").filter(({ session }) => session === undefined)).toEqual([]);
    server.rules["initialize"] = (visit) => initialize?.(visit);
    await until("it is well again", async () => {
      const { end } = await drain(upstream.open(toolCall("echo")));
      return end.kind === "result";
    });
  });

  test("a call that is cancelled in between is not sent", async () => {
    const { rules, forget } = forgetfulRules();
    const { server, upstream } = await open(rules);
    await callTool(upstream, "echo");
    forget();
    const initialize = server.rules["initialize"];
    let goOn = () => {};
    server.rules["initialize"] = (visit) => void (goOn = () => void initialize?.(visit));
    const exchange = upstream.open(toolCall("echo", { n: 1 }));
    await until("a session is asked for", () => server.of("initialize").length === 2);
    exchange.cancel("no more");
    const late = callTool(upstream, "echo", { n: 2 });
    goOn();
    expect(await late).toBe('{"n":2}');
    const inNew = server.of("tools/call").filter(({ params }, at) =>
      at > 1 && JSON.stringify(params).includes('"n":1')
    );
    expect(inNew).toEqual([]);
  });
});
