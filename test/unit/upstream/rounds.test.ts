/**
 * A server that asks by results, and clients that are asked while their calls run.
 */
import { next } from "../../support/pull.ts";
import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import type {
  Answer,
  Ask,
  Call,
  Caller,
  Ending,
  InputRequired,
  JsonObject,
  Reply,
} from "../../../src/model.ts";
import { createTestClock } from "../../support/clock.ts";
import {
  createFakeServer,
  type FakeRequest,
  type FakeServer,
  openFake,
} from "../../support/fake_connector.ts";
import { callerOf, drain, textOf, toolCall } from "../../support/upstream_deps.ts";
import { until, within } from "../../support/wait.ts";

const session = callerOf("s1", { capabilities: { elicitation: {}, sampling: {}, roots: {} } });
const stateless: Caller = {
  ...session,
  scope: "p:a",
  revision: "2026-07-28",
  asksByResult: true,
  sharesScope: true,
};

const form = (message: string): JsonObject => ({ message, requestedSchema: { type: "object" } });
const question = (key: string, method = "elicitation/create") => ({
  key,
  method,
  params: method === "elicitation/create" ? form(key) : {},
});
const asking = (keys: readonly string[], state?: string): InputRequired => ({
  kind: "inputRequired",
  questions: keys.map((key) => question(key)),
  state,
});
const yes = (name = "Bob"): Answer => ({
  kind: "answer",
  value: { action: "accept", content: { name } },
});
const echo = (ask: Ask): Answer => yes(String(ask.params["message"]));

/** A server whose calls end by these, one after the other; the last again and again. */
function serverOf(...endings: (Ending | JsonObject)[]): FakeServer {
  return createFakeServer({
    speaks: "stateless",
    answer: async () => (endings.length > 1 ? endings.shift() : endings[0]) ?? {},
  });
}

const resumesOf = (server: FakeServer) => server.calls().map(({ resume }) => resume);

async function run(
  server: FakeServer,
  onAsk: (ask: Ask) => Answer | undefined = echo,
  { call = toolCall("x", {}, session), ...options }:
    & { readonly call?: Call }
    & NonNullable<Parameters<typeof openFake>[1]> = {},
) {
  const { upstream } = await openFake(server, { limits: { roundBackoffMs: 1 }, ...options });
  const outcome = await within("the call's end", drain(upstream.open(call), onAsk));
  await upstream.close();
  return outcome;
}

const failureOf = (reply: Reply) => reply.kind === "failure" ? reply.error : undefined;

describe("questions at the end of a call", () => {
  test("are put to the client, and the call is made again with the answers and the exact state", async () => {
    const server = serverOf(asking(["first", "second"], " state é "), { content: [] });
    const { asks, end } = await run(server);
    expect(asks.map(({ method, params }) => [method, params])).toEqual([
      ["elicitation/create", form("first")],
      ["elicitation/create", form("second")],
    ]);
    expect(resumesOf(server)).toEqual([undefined, {
      answers: {
        first: { action: "accept", content: { name: "first" } },
        second: { action: "accept", content: { name: "second" } },
      },
      state: " state é ",
    }]);
    expect(server.calls().map(({ params }) => params)).toEqual(
      [1, 2].map(() => ({ name: "x", arguments: {} })),
    );
    expect(end).toEqual({ kind: "result", value: { content: [] } });
  });

  test("may come in several rounds, each with its own answers and state alone", async () => {
    const server = serverOf(asking(["a"], "one"), asking(["b"]), asking([], "three"), {
      content: [],
    });
    await run(server);
    expect(resumesOf(server).map((resume) => resume && [Object.keys(resume.answers), resume.state]))
      .toEqual([undefined, [["a"], "one"], [["b"], undefined], [[], "three"]]);
  });

  test("A11 may have any key", async () => {
    const keys = ["__proto__", "constructor", ""];
    const server = serverOf(asking(keys, "s"), { content: [] });
    const { asks } = await run(server);
    expect(asks.length).toBe(3);
    expect(Object.keys(resumesOf(server)[1]?.answers ?? {})).toEqual(keys);
  });

  test("go on for so many rounds and no more", async () => {
    const server = serverOf(asking(["again"], "s"));
    const { end } = await run(server, echo, { limits: { roundsMax: 3, roundBackoffMs: 1 } });
    expect(failureOf(end)?.code).toBe("bad_upstream_response");
    expect(failureOf(end)?.message).toContain("3 times");
    expect(server.calls().length).toBe(4);
  });

  test("without a question are paced", async () => {
    const clock = createTestClock();
    const server = serverOf(asking([], "s"), { content: [] });
    const { upstream } = await openFake(server, { clock, limits: { roundBackoffMs: 250 } });
    const outcome = drain(upstream.open(toolCall("x", {}, session)));
    await until("the first round", () => server.calls().length === 1);
    clock.advance(249);
    await new Promise((resolve) => setTimeout(resolve));
    expect(server.calls().length).toBe(1);
    await until("the second round", () => {
      clock.advance(1);
      return server.calls().length === 2;
    });
    expect((await outcome).end.kind).toBe("result");
    await upstream.close();
  });

  test("that the client does not answer end a tool's call as its error, and others as a failure", async () => {
    const refusal: Answer = { kind: "refusal", code: -32601, message: "No such method" };
    const tool = await run(serverOf(asking(["a", "b"], "s")), () => refusal);
    expect(tool.end).toMatchObject({ kind: "result", value: { isError: true } });
    expect(textOf(tool.end)).toContain("No such method");
    const call = {
      method: "prompts/get",
      params: { name: "p" },
      wantsProgress: false,
      caller: session,
    };
    const prompt = await run(serverOf(asking(["a"], "s")), () => refusal, { call });
    expect(failureOf(prompt.end)?.code).toBe("ask_unanswerable");
  });

  test("that the user declines are answered: the server decides what follows", async () => {
    const server = serverOf(asking(["a"], "s"), { content: [], isError: true });
    await run(server, () => ({ kind: "answer", value: { action: "decline" } }));
    expect(resumesOf(server)[1]?.answers).toEqual({ a: { action: "decline" } });
  });

  test("are withdrawn when the client gives the call up, and nothing is called again", async () => {
    const server = serverOf(asking(["a"], "s"));
    const { upstream } = await openFake(server);
    const exchange = upstream.open(toolCall("x", {}, session));
    const asked = await within("the question", next(exchange));
    expect(asked.kind).toBe("ask");
    exchange.cancel("gone");
    expect(failureOf(await next(exchange))?.code).toBe("cancelled");
    expect(asked.kind === "ask" && exchange.answer(asked.id, yes())).toBe(false);
    await upstream.close();
    expect(server.calls().length).toBe(1);
  });

  test("in a later round: giving up reaches the request of that round", async () => {
    let rounds = 0;
    const server = createFakeServer({
      speaks: "stateless",
      answer: async () => ++rounds === 1 ? asking(["a"], "s") : await new Promise(() => {}),
    });
    const { upstream } = await openFake(server);
    const exchange = upstream.open(toolCall("x", {}, session));
    const asked = await within("the question", next(exchange));
    if (asked.kind === "ask") exchange.answer(asked.id, yes());
    await until("the second round", () => server.calls().length === 2);
    exchange.cancel("gone");
    expect(server.calls().map(({ cancelled }) => cancelled)).toEqual([undefined, "gone"]);
    await upstream.close();
  });

  test("pass to clients that return with the answers, and come back unchanged", async () => {
    const server = serverOf(asking(["a"], "s"), { content: [] });
    const first = await run(server, () => undefined, { call: toolCall("x", {}, stateless) });
    expect(first.end).toEqual(asking(["a"], "s"));
    const resume = { answers: { a: { action: "accept" } }, state: "s" };
    await run(server, () => undefined, { call: { ...toolCall("x", {}, stateless), resume } });
    expect(resumesOf(server)).toEqual([undefined, resume]);
  });
});

describe("directories that the operator has fixed", () => {
  const roots = [{ uri: "file:///srv" }];
  const askingRoots: InputRequired = {
    kind: "inputRequired",
    questions: [question("dirs", "roots/list")],
    state: "s",
  };

  test("reach the server without asking the client", async () => {
    for (const caller of [session, stateless]) {
      const server = serverOf(askingRoots, { content: [] });
      const { asks, end } = await run(server, echo, {
        config: { roots },
        call: toolCall("x", {}, caller),
      });
      expect([asks, end.kind]).toEqual([[], "result"]);
      expect(resumesOf(server)[1]).toEqual({ answers: { dirs: { roots } }, state: "s" });
    }
  });

  test("leave a client that comes back the question that follows the last round", async () => {
    const server = serverOf(askingRoots, askingRoots, asking(["name"], "t"));
    const { asks, end } = await run(server, echo, {
      config: { roots },
      limits: { roundsMax: 2 },
      call: toolCall("x", {}, stateless),
    });
    expect(asks).toEqual([]);
    expect(end).toEqual(asking(["name"], "t"));
  });

  test("that are malformed reach no client, whatever it declares", async () => {
    for (const caller of [session, stateless]) {
      const server = serverOf(askingRoots, { content: [] });
      const { asks, end } = await run(server, echo, {
        config: { roots: "none" },
        call: toolCall("x", {}, caller),
      });
      expect([asks, end.kind]).toEqual([[], "result"]);
      expect(textOf(end)).toContain("directories");
      expect(server.calls().length).toBe(1);
    }
  });

  test("reach the server next to the client's answers", async () => {
    const both = { ...askingRoots, questions: [...askingRoots.questions, question("name")] };
    const server = serverOf(both, { content: [] });
    const { asks } = await run(server, echo, { config: { roots } });
    expect(asks.map(({ method }) => method)).toEqual(["elicitation/create"]);
    expect(resumesOf(server)[1]?.answers).toEqual({
      dirs: { roots },
      name: { action: "accept", content: { name: "name" } },
    });
  });
});

describe("what a server refuses over what the client did not declare", () => {
  const missing: Ending = {
    kind: "failure",
    error: new GatewayError("capability_missing", "It needs sampling", {
      data: { requiredCapabilities: { sampling: {} } },
    }),
  };

  test("is a tool's error for a session, and the same failure for a stateless client", async () => {
    const inline = await run(serverOf(missing), echo, { call: toolCall("x", {}, callerOf("s1")) });
    expect(inline.end).toMatchObject({ kind: "result", value: { isError: true } });
    expect(textOf(inline.end)).toContain("sampling");
    const bare = { ...stateless, capabilities: {} };
    const byResult = await run(serverOf(missing), echo, { call: toolCall("x", {}, bare) });
    expect(failureOf(byResult.end)?.code).toBe("capability_missing");
    expect(failureOf(byResult.end)?.data).toEqual({ requiredCapabilities: { sampling: {} } });
  });

  test("is no reason to tell a client to declare what it did declare", async () => {
    const extensions = { "example.com/more": {} };
    const refusal = new GatewayError("capability_missing", "It needs extensions", {
      data: { requiredCapabilities: { extensions } },
    });
    const call = toolCall("x", {}, { ...stateless, capabilities: { extensions } });
    const { end } = await run(serverOf({ kind: "failure", error: refusal }), echo, { call });
    expect(failureOf(end)?.code).toBe("ask_unanswerable");
    expect(failureOf(end)?.message).toContain("extensions");
  });
});

describe("notices of a call in rounds", () => {
  const progress = (value: number, text: string) => ({
    kind: "notice" as const,
    method: "notifications/progress",
    params: { progress: value, message: text },
  });

  test("come in order, and progress never goes back when a server starts counting again", async () => {
    let rounds = 0;
    const server = createFakeServer({
      speaks: "stateless",
      async answer({ notice }: FakeRequest) {
        const round = ++rounds;
        for (const value of [1, 2, 3]) {
          notice(progress(value * round - round + 1, `round ${round}`));
        }
        return round === 1 ? asking(["a"], "s") : { content: [] };
      },
    });
    const call = toolCall("x", {}, session, true);
    const { notices } = await run(server, echo, { call });
    expect(notices.map(({ params }) => [params["progress"], params["message"]])).toEqual([
      [1, "round 1"],
      [2, "round 1"],
      [3, "round 1"],
      [5, "round 2"],
    ]);
  });

  test("within one round are relayed as the server sends them", async () => {
    const server = createFakeServer({
      speaks: "stateless",
      async answer({ notice }: FakeRequest) {
        for (const value of [2, 1, 1]) notice(progress(value, ""));
        return { content: [] };
      },
    });
    const { notices } = await run(server, echo, { call: toolCall("x", {}, session, true) });
    expect(notices.map(({ params }) => params["progress"])).toEqual([2, 1, 1]);
  });
});

describe("a reader that throws", () => {
  test("stops no message that its server sends after the answer", async () => {
    const taken = Promise.withResolvers<unknown>();
    const server = createFakeServer({
      speaks: "stateless",
      answer: async ({ end }) => {
        try {
          end({ kind: "result", value: { content: [] } });
          taken.resolve(undefined);
        } catch (thrown) {
          taken.resolve(thrown);
        }
        return {};
      },
    });
    const { upstream } = await openFake(server);
    upstream.open(toolCall("x", {}, session)).read(() => {
      throw new Error("a fault of the reader");
    });
    expect(await within("the answer", taken.promise)).toBe(undefined);
    await upstream.close();
  });
});

describe("a tool whose arguments travel in headers", () => {
  const refused: Ending = { kind: "failure", error: new GatewayError("header_mismatch") };

  test("that has changed is looked up again, once, and the call made again", async () => {
    const server = serverOf(refused, { content: [] });
    server.mirrorsArguments = true;
    const { end } = await run(server);
    expect(end.kind).toBe("result");
    expect(server.calls().length).toBe(2);
    expect(server.requests.filter(({ method }) => method === "tools/list").length).toBe(2);
    expect(server.calls().map(({ tool }) => tool?.["name"])).toEqual(["x", "x"]);
  });

  test("that is refused again is the server's mistake, not the client's", async () => {
    const server = serverOf(refused);
    server.mirrorsArguments = true;
    const { end } = await run(server);
    expect(failureOf(end)?.code).toBe("bad_upstream_response");
    expect(server.calls().length).toBe(2);
  });

  test("is called even if it is not listed or the list is unavailable", async () => {
    const server = serverOf({ content: [] });
    server.mirrorsArguments = true;
    server.tools = [];
    expect((await run(server)).end.kind).toBe("result");
    expect(server.calls()[0]?.tool).toBe(undefined);
  });
});
