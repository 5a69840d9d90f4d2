/**
 * Calls of clients that cannot be asked while a call runs: a question ends the request, and the
 * answers continue the call.
 */
import { createTestRates } from "../../support/rates.ts";
import { defaultTables } from "../../../src/app.ts";
import { next } from "../../support/pull.ts";
import { describe, expect, test } from "bun:test";
import { type Clock, systemClock } from "../../../src/clock.ts";
import type { FailedServerConfig } from "../../../src/config/config.ts";
import { GatewayError } from "../../../src/errors.ts";
import { settledExchange } from "../../../src/gateway/exchange.ts";
import { createGatewayCore } from "../../../src/gateway/gateway.ts";
import type { Gateway } from "../../../src/gateway/surface.ts";
import { createSurfaceResolver, surfaceKinds } from "../../../src/http/surface_kinds.ts";
import { defaultLimits, type Limits } from "../../../src/limits.ts";
import type {
  Answer,
  Caller,
  Ending,
  Exchange,
  InputRequired,
  JsonObject,
  Notice,
  Resume,
} from "../../../src/model.ts";
import { createSealer, makeKey, type Sealer } from "../../../src/seal.ts";
import { createTestClock } from "../../support/clock.ts";
import type { ExchangeSource } from "../../../src/upstream/exchange_source.ts";
import { createFakeUpstream, type FakeUpstream } from "../../support/fake_upstream.ts";
import { createLogReader } from "../../../src/telemetry/log_reader.ts";
import { createTestLog } from "../../support/log.ts";
import { until, within } from "../../support/wait.ts";

const caller = (principal = "alice", capabilities: JsonObject = everything): Caller => ({
  principal: { id: principal },
  scope: `p:${principal}`,
  revision: "any",
  capabilities,
  clientInfo: {},
  asksByResult: true,
  sharesScope: true,
});
const everything = { elicitation: {}, sampling: {}, roots: {} };

interface Setup {
  readonly gateway: Gateway;
  readonly fake: FakeUpstream;
  readonly log: ReturnType<typeof createTestLog>;
}

async function setUp(
  { limits = {}, clock = systemClock, key = makeKey(), sealer, instance = "this-gateway" }: {
    readonly limits?: Partial<Limits>;
    readonly clock?: Clock;
    readonly key?: string;
    readonly sealer?: Sealer;
    readonly instance?: string;
  } = {},
): Promise<Setup> {
  const fake = createFakeUpstream("a", { tools: [{ name: "x", inputSchema: {} }] });
  const server: FailedServerConfig = {
    kind: "failed",
    problem: "",
    name: "a",
    callTimeoutMs: 60_000,
    startTimeoutMs: 60_000,
    idleTimeoutMs: 60_000,
    tools: {},
  };
  const log = createTestLog();
  const gateway = createGatewayCore({
    rates: createTestRates(),
    resolveSurface: createSurfaceResolver(surfaceKinds),
    ...defaultTables,
    emit: createLogReader(log, defaultLimits),
    servers: { servers: [server], names: "auto", warnings: [], files: [], secrets: [] },
    create: () => fake,
    sameServer: () => true,
    limits: { ...defaultLimits, parkGatherMs: 1, ...limits },
    clock,
    log,
    sealer: sealer ?? await createSealer(key),
    instance,
    debug: false,
    tryServers: false,
  });
  return { gateway, fake, log };
}

interface Options {
  readonly by?: Caller;
  readonly surface?: string;
  readonly params?: JsonObject;
  readonly method?: string;
}

const start = (
  { gateway }: Setup,
  resume?: Resume,
  { by = caller(), surface = "/mcp", params = { name: "x" }, method = "tools/call" }: Options = {},
): Exchange => gateway.call(surface, { method, params, wantsProgress: true, caller: by, resume });

/** What a client sees of a call: its notices, and how it ends. */
async function read(exchange: Exchange): Promise<{ notices: Notice[]; ending: Ending }> {
  const notices: Notice[] = [];
  for (;;) {
    const reply = await within("the next reply", next(exchange));
    if (reply.kind === "ask") throw new Error("This client cannot be asked");
    if (reply.kind !== "notice") return { notices, ending: reply };
    notices.push(reply);
  }
}

const call = async (setup: Setup, resume?: Resume, options?: Options): Promise<Ending> =>
  (await read(start(setup, resume, options))).ending;

async function paused(setup: Setup, resume?: Resume, options?: Options): Promise<InputRequired> {
  const ending = await call(setup, resume, options);
  if (ending.kind === "inputRequired") return ending;
  throw new Error(`It did not pause: ${JSON.stringify(ending)}`);
}

const failed = (ending: Ending): string =>
  ending.kind === "failure" ? ending.error.code : `no failure: ${JSON.stringify(ending)}`;
const valueOf = (ending: Ending): JsonObject => {
  if (ending.kind === "result") return ending.value;
  throw new Error(`No result: ${ending.kind === "failure" ? ending.error : ending.kind}`);
};

const form = (message: string, key?: string): JsonObject => ({
  message,
  requestedSchema: { type: "object", properties: {} },
  ...(key === undefined ? {} : { _meta: { "mcp-wrapper/key": key } }),
});
const accepted = (name: string) => ({ action: "accept", content: { name } });
const nameIn = (answer: Answer): unknown =>
  answer.kind === "answer" ? (answer.value["content"] as JsonObject)["name"] : answer.message;

/** A tool that asks for names, one question for each message, all at once. */
function askFor(fake: FakeUpstream, ...messages: string[]): void {
  fake.script(async (source) => {
    const answers = await Promise.all(
      messages.map((message) => source.ask("elicitation/create", form(message))),
    );
    return { names: answers.map(nameIn) };
  });
}

/** The answers to a pause: to each question its own message as the name. */
const answersTo = ({ questions }: InputRequired): Record<string, JsonObject> =>
  Object.fromEntries(
    questions.map(({ key, params }) => [key, accepted(String(params["message"]))]),
  );

const progress = (value: number): Notice => ({
  kind: "notice",
  method: "notifications/progress",
  params: { progress: value },
});

describe("a question of a server", () => {
  test("ends the request, and the client's return continues the same call", async () => {
    const setup = await setUp();
    askFor(setup.fake, "Who?");
    const pause = await paused(setup);
    expect(pause.questions).toEqual([{
      key: expect.any(String),
      method: "elicitation/create",
      params: form("Who?"),
    }]);
    const ending = await call(setup, { answers: answersTo(pause), state: pause.state });
    expect(valueOf(ending)).toEqual({ names: ["Who?"] });
    expect(setup.fake.opened.length).toBe(1);
    expect(setup.fake.cancelled).toEqual([]);
  });

  test("may be followed by others, round after round, each with a state of its own", async () => {
    const setup = await setUp();
    setup.fake.script(async (source) => {
      const names: unknown[] = [];
      for (const message of ["one", "two", "three"]) {
        names.push(nameIn(await source.ask("elicitation/create", form(message))));
      }
      return { names };
    });
    const states = new Set<string | undefined>();
    let pause = await paused(setup);
    for (let round = 0; round < 2; round++) {
      states.add(pause.state);
      pause = await paused(setup, { answers: answersTo(pause), state: pause.state });
    }
    states.add(pause.state);
    const ending = await call(setup, { answers: answersTo(pause), state: pause.state });
    expect(valueOf(ending)).toEqual({ names: ["one", "two", "three"] });
    expect(states.size).toBe(3);
    expect(setup.fake.opened.length).toBe(1);
  });

  test("travels together with others of the same time", async () => {
    const setup = await setUp();
    askFor(setup.fake, "first", "second", "third");
    const pause = await paused(setup);
    expect(pause.questions.map(({ params }) => params["message"]))
      .toEqual(["first", "second", "third"]);
    expect(new Set(pause.questions.map(({ key }) => key)).size).toBe(3);
    const ending = await call(setup, { answers: answersTo(pause), state: pause.state });
    expect(valueOf(ending)).toEqual({ names: ["first", "second", "third"] });
  });

  test("that got no answer is asked again, alone; what was not asked for is ignored", async () => {
    const setup = await setUp();
    askFor(setup.fake, "first", "second");
    const pause = await paused(setup);
    const [, second] = pause.questions;
    const { [second?.key ?? ""]: _, ...others } = answersTo(pause);
    const again = await paused(setup, {
      answers: { ...others, stranger: accepted("Mallory") },
      state: pause.state,
    });
    expect(again.questions).toEqual(pause.questions.slice(1));
    const ending = await call(setup, { answers: answersTo(again), state: again.state });
    expect(valueOf(ending)).toEqual({ names: ["first", "second"] });
    expect(setup.fake.opened.length).toBe(1);
  });

  test("has the key that its server names, and an answer brought along with the first call is used", async () => {
    const setup = await setUp();
    setup.fake.script(async (source) => ({
      name: nameIn(await source.ask("elicitation/create", form("Who?", "user_name"))),
    }));
    const pause = await paused(setup);
    expect(pause.questions).toEqual([{
      key: "user_name",
      method: "elicitation/create",
      params: form("Who?"),
    }]);
    const answers = { user_name: accepted("Bob"), other: accepted("Mallory") };
    expect(valueOf(await call(setup, { answers }))).toEqual({ name: "Bob" });
  });

  test("gets a key of its own where two name the same one", async () => {
    const setup = await setUp();
    setup.fake.script(async (source) => ({
      names: (await Promise.all(
        ["a", "b"].map((message) => source.ask("elicitation/create", form(message, "__proto__"))),
      )).map(nameIn),
    }));
    const pause = await paused(setup);
    expect(pause.questions[0]?.key).toBe("__proto__");
    expect(pause.questions[1]?.key).not.toBe("__proto__");
    const ending = await call(setup, { answers: answersTo(pause), state: pause.state });
    expect(valueOf(ending)).toEqual({ names: ["a", "b"] });
  });

  test("that the client did not declare to answer is refused, and the call goes on", async () => {
    const setup = await setUp();
    setup.fake.script(async (source) => {
      const answer = await source.ask("sampling/createMessage", { messages: [] });
      return { code: answer.kind === "refusal" && answer.code };
    });
    const by = caller("alice", { elicitation: {} });
    expect(valueOf(await call(setup, undefined, { by }))).toEqual({ code: -32601 });
  });

  test("that was refused explains a call that fails over it: all that was missing is named", async () => {
    const setup = await setUp();
    const by = caller("alice", { sampling: {} });
    const asks: [string, JsonObject][] = [
      ["sampling/createMessage", { messages: [], tools: [] }],
      ["elicitation/create", { message: "Go", mode: "url", url: "https://a.example" }],
      ["roots/list", {}],
    ];
    for (const bad of [{ isError: true, content: [] }, undefined]) {
      setup.fake.script(async (source) => {
        for (const [method, params] of asks) await source.ask(method, params);
        if (bad === undefined) throw new GatewayError("bad_upstream_response");
        return bad;
      });
      const ending = await call(setup, undefined, { by });
      expect(failed(ending)).toBe("capability_missing");
      expect(ending.kind === "failure" && ending.error.data).toEqual({
        requiredCapabilities: { sampling: { tools: {} }, elicitation: { url: {} }, roots: {} },
        // The server had begun.
        outcome: "unknown",
      });
    }
  });

  test("that was refused is not forgotten over those that were asked", async () => {
    const setup = await setUp();
    setup.fake.script(async (source) => {
      const refused = source.ask("roots/list", {});
      await source.ask("elicitation/create", form("Who?"));
      return { isError: (await refused).kind === "refusal", content: [] };
    });
    const by = caller("alice", { elicitation: {} });
    const pause = await paused(setup, undefined, { by });
    expect(pause.questions.length).toBe(1);
    const ending = await call(setup, { answers: answersTo(pause), state: pause.state }, { by });
    expect(failed(ending)).toBe("capability_missing");
  });

  test("follows earlier notices; later ones reach the client on its return", async () => {
    const setup = await setUp();
    setup.fake.script(async (source) => {
      source.notice(progress(1));
      const asked = source.ask("elicitation/create", form("Who?"));
      source.notice(progress(2));
      source.notice(progress(3));
      const name = nameIn(await asked);
      source.notice(progress(4));
      return { name };
    });
    const first = await read(start(setup));
    expect(first.notices).toEqual([progress(1)]);
    const pause = first.ending as InputRequired;
    const second = await read(start(setup, { answers: answersTo(pause), state: pause.state }));
    expect(second.notices).toEqual([progress(2), progress(3), progress(4)]);
    expect(valueOf(second.ending)).toEqual({ name: "Who?" });
  });
});

describe("a server that asks and does not wait", () => {
  test("sends no question to the client", async () => {
    const setup = await setUp();
    setup.fake.script(async (source) => {
      void source.ask("elicitation/create", form("Who?"));
      return { content: [] };
    });
    expect(valueOf(await call(setup))).toEqual({ content: [] });
  });
});

describe("a server's own pause", () => {
  const questions = [{ key: "k", method: "elicitation/create", params: form("Who?") }];

  test("passes; its state comes back to it exactly as it was, in a call of its own", async () => {
    const setup = await setUp();
    const state = 'sealed "by" the server\u2028 \ud83d\ude00';
    setup.fake.reply = () => settledExchange({ kind: "inputRequired", questions, state });
    const pause = await paused(setup);
    expect(pause.questions).toEqual(questions);
    expect(pause.state).not.toBe(state);
    const answers = { k: accepted("Bob") };
    await paused(setup, { answers, state: pause.state });
    expect(setup.fake.opened.map(({ resume }) => resume)).toEqual([undefined, { answers, state }]);
  });

  test("without a state has none; the answers to it are handed on", async () => {
    const setup = await setUp();
    setup.fake.reply = () => settledExchange({ kind: "inputRequired", questions });
    expect(await paused(setup)).toEqual({ kind: "inputRequired", questions });
    const answers = { k: accepted("Bob") };
    await call(setup, { answers });
    expect(setup.fake.opened[1]?.resume).toEqual({ answers });
  });

  test("an empty state is a state", async () => {
    const setup = await setUp();
    setup.fake.reply = () => settledExchange({ kind: "inputRequired", questions: [], state: "" });
    const { state } = await paused(setup);
    await paused(setup, { answers: {}, state });
    expect(setup.fake.opened[1]?.resume).toEqual({ answers: {}, state: "" });
  });

  test("with a question that the client cannot be asked is a missing capability", async () => {
    const setup = await setUp();
    setup.fake.reply = () => settledExchange({ kind: "inputRequired", questions, state: "s" });
    const ending = await call(setup, undefined, { by: caller("alice", { sampling: {} }) });
    expect(failed(ending)).toBe("capability_missing");
  });

  test("does not reach a client that is asked while its call runs", async () => {
    const setup = await setUp();
    setup.fake.reply = () => settledExchange({ kind: "inputRequired", questions, state: "s" });
    const by = { ...caller(), asksByResult: undefined };
    expect(failed(await call(setup, undefined, { by }))).toBe("bad_upstream_response");
  });
});

describe("a state", () => {
  /** What comes of a state when something about its return is different. */
  async function returned(
    change: (state: string) => string,
    options: Options,
    kind: "parked" | "passed",
  ) {
    const setup = await setUp();
    if (kind === "parked") askFor(setup.fake, "Who?");
    else {setup.fake.reply = () =>
        settledExchange({ kind: "inputRequired", questions: [], state: "s" });}
    const pause = await paused(setup, undefined, { params: { name: "x", arguments: { n: 1 } } });
    const ending = await call(setup, {
      answers: answersTo(pause),
      state: change(pause.state ?? ""),
    }, { params: { name: "x", arguments: { n: 1 } }, ...options });
    return { outcome: failed(ending), opened: setup.fake.opened.length, setup, pause };
  }
  const same = (state: string) => state;
  const wrong: Record<string, readonly [(state: string) => string, Options]> = {
    "was changed": [
      (state) => state.replace(/\.(.)/, (_, one) => `.${one === "A" ? "B" : "A"}`),
      {},
    ],
    "was cut": [(state) => state.slice(0, -2), {}],
    "is no state": [() => "hello", {}],
    "is empty": [() => "", {}],
    "comes with other arguments": [same, { params: { name: "x", arguments: { n: 2 } } }],
    "comes with another tool": [same, { params: { name: "y", arguments: { n: 1 } } }],
    "comes with another method": [same, { method: "prompts/get" }],
    "comes on another surface": [same, { surface: "/servers/a" }],
    "comes from another principal": [same, { by: caller("bob") }],
  };

  for (const [what, [change, options]] of Object.entries(wrong)) {
    for (const kind of ["parked", "passed"] as const) {
      test(`C10 that ${what} (${kind}) is refused, and nothing is called again`, async () => {
        const { outcome, opened, setup, pause } = await returned(change, options, kind);
        expect([outcome, opened]).toEqual(["invalid_params", 1]);
        // The right one is good still.
        const params = { name: "x", arguments: { n: 1 } };
        const ending = await call(setup, { answers: answersTo(pause), state: pause.state }, {
          params,
        });
        expect(ending.kind).toBe(kind === "parked" ? "result" : "inputRequired");
      });
    }
  }

  test("does not depend on what a client says of the request itself, such as its trace", async () => {
    const setup = await setUp();
    askFor(setup.fake, "Who?");
    const trace = (id: string) => ({ params: { name: "x", _meta: { traceparent: id } } });
    const pause = await paused(setup, undefined, trace("00-1"));
    const ending = await call(
      setup,
      { answers: answersTo(pause), state: pause.state },
      trace("00-2"),
    );
    expect(valueOf(ending)).toEqual({ names: ["Who?"] });
  });

  test("does not depend on the order in which a client writes its arguments", async () => {
    const setup = await setUp();
    askFor(setup.fake, "Who?");
    const written = (args: JsonObject) => ({ params: { name: "x", arguments: args } });
    const pause = await paused(setup, undefined, written({ a: [{ b: 1, c: 2 }], d: 3 }));
    const resume = { answers: answersTo(pause), state: pause.state };
    for (const other of [{ d: 3, a: [{ b: 2, c: 1 }] }, { d: 3, a: [["b", 1], ["c", 2]] }]) {
      expect(failed(await call(setup, resume, written(other)))).toBe("invalid_params");
    }
    const ending = await call(setup, resume, written({ d: 3, a: [{ c: 2, b: 1 }] }));
    expect(valueOf(ending)).toEqual({ names: ["Who?"] });
  });

  test("is good for one return: a second one, even at the same time, fails because the call is gone", async () => {
    const setup = await setUp();
    askFor(setup.fake, "Who?");
    const pause = await paused(setup);
    const resume = { answers: answersTo(pause), state: pause.state };
    const endings = await Promise.all([call(setup, resume), call(setup, resume)]);
    expect(endings.map(({ kind }) => kind).sort()).toEqual(["failure", "result"]);
    expect(failed(endings.find(({ kind }) => kind === "failure") as Ending)).toBe("park_gone");
    expect(failed(await call(setup, resume))).toBe("park_gone");
    expect(setup.fake.opened.length).toBe(1);
  });

  test("names the instance that the call waits at; at another one it says that the call is gone", async () => {
    const sealer = await createSealer(makeKey());
    const [one, other] = [
      await setUp({ sealer, instance: "one" }),
      await setUp({ sealer, instance: "other" }),
    ];
    askFor(one.fake, "Who?");
    const pause = await paused(one);
    const [, body = ""] = String(pause.state).split(".");
    expect(JSON.parse(atob(body.replaceAll("-", "+").replaceAll("_", "/"))))
      .toMatchObject({ owner: "one" });
    const resume = { answers: answersTo(pause), state: pause.state };
    expect(failed(await call(other, resume))).toBe("park_gone");
    expect(other.fake.opened.length).toBe(0);
    expect(valueOf(await call(one, resume))).toEqual({ names: ["Who?"] });
  });

  test("of a call that a restart of the gateway lost says so, and calls nothing", async () => {
    const key = makeKey();
    const [before, after] = [await setUp({ key }), await setUp({ key })];
    askFor(before.fake, "Who?");
    const pause = await paused(before);
    expect(failed(await call(after, { answers: answersTo(pause), state: pause.state })))
      .toBe("park_gone");
    expect(after.fake.opened.length).toBe(0);
  });

  test("of a server outlives a restart of the gateway, for as long as it is good", async () => {
    const key = makeKey();
    const [before, after] = [await setUp({ key }), await setUp({ key })];
    before.fake.reply = () => settledExchange({ kind: "inputRequired", questions: [], state: "s" });
    const { state } = await paused(before);
    await call(after, { answers: {}, state });
    expect(after.fake.opened[0]?.resume).toEqual({ answers: {}, state: "s" });
  });
});

describe("a client that does not return", () => {
  /** A setup whose clock the test moves; it moves a little by itself while something is waited for. */
  async function timed(limits: Partial<Limits> = {}) {
    const clock = createTestClock();
    const setup = await setUp({ clock, limits });
    const passing = async <T>(work: Promise<T>): Promise<T> => {
      let isOver = false;
      const over = work.finally(() => isOver = true);
      await until("the end of it", () => {
        clock.advance(1);
        return isOver;
      });
      return await over;
    };
    return { clock, setup, passing };
  }

  test("loses its call after a while: the server gets the cancellation, and its state is too old", async () => {
    const { clock, setup, passing } = await timed();
    askFor(setup.fake, "Who?");
    const pause = await passing(paused(setup));
    clock.advance(defaultLimits.parkMs + 1);
    expect(setup.fake.cancelled).toEqual(["The client did not come back"]);
    const late = await passing(call(setup, { answers: answersTo(pause), state: pause.state }));
    expect(failed(late)).toBe("invalid_params");
    expect(late.kind === "failure" && late.error.message).toContain("expired");
    expect(setup.fake.opened.length).toBe(1);
  });

  test("finds the state of a server's own pause too old", async () => {
    const { clock, setup, passing } = await timed();
    setup.fake.reply = () => settledExchange({ kind: "inputRequired", questions: [], state: "s" });
    const { state } = await passing(paused(setup));
    clock.advance(defaultLimits.parkMs + 1);
    expect(failed(await passing(call(setup, { answers: {}, state })))).toBe("invalid_params");
    expect(setup.fake.opened.length).toBe(1);
  });

  test("has as long again for questions that it left open", async () => {
    const { clock, setup, passing } = await timed();
    askFor(setup.fake, "first", "second");
    const pause = await passing(paused(setup));
    clock.advance(defaultLimits.parkMs * 0.9);
    const [{ key = "" } = {}] = pause.questions;
    const answers = { [key]: accepted("first") };
    const again = await passing(paused(setup, { answers, state: pause.state }));
    clock.advance(defaultLimits.parkMs * 0.9);
    expect(setup.fake.cancelled).toEqual([]);
    const ending = await passing(call(setup, { answers: answersTo(again), state: again.state }));
    expect(valueOf(ending)).toEqual({ names: ["first", "second"] });
  });

  test("B15: gives way to one too many of its client; to that of another, the oldest of the client with most", async () => {
    const setup = await setUp({ limits: { parksPerPrincipalMax: 2, parksMax: 3 } });
    askFor(setup.fake, "Who?");
    const come = ({ state, ...pause }: InputRequired, by = caller()) =>
      call(setup, { answers: answersTo({ ...pause, state }), state }, { by });
    const first = await paused(setup);
    const second = await paused(setup);
    const third = await paused(setup);
    expect(setup.fake.cancelled.length).toBe(1);
    // The last place is kept for a client that has none; then all places are taken.
    const bob = caller("bob");
    const his = await paused(setup, undefined, { by: bob });
    const carol = caller("carol");
    const hers = await paused(setup, undefined, { by: carol });
    expect(setup.fake.cancelled.length).toBe(2);
    for (const gone of [first, second]) {
      const late = await come(gone);
      expect(failed(late)).toBe("park_gone");
      expect(late.kind === "failure" && late.error.message).toContain("needed for other work");
      expect(late.kind === "failure" && late.error.outcome).toBe("unknown");
    }
    expect(valueOf(await come(third))).toEqual({ names: ["Who?"] });
    expect(valueOf(await come(his, bob))).toEqual({ names: ["Who?"] });
    expect(valueOf(await come(hers, carol))).toEqual({ names: ["Who?"] });
    expect(setup.fake.opened.length).toBe(5);
  });

  test("and one that its server needs the place of: either it returns or it gives way", async () => {
    for (const isFirst of [true, false]) {
      const setup = await setUp();
      let source: ExchangeSource | undefined;
      setup.fake.script(async (made) => {
        source = made;
        return { name: nameIn(await made.ask("elicitation/create", form("Who?"))) };
      });
      const pause = await paused(setup);
      const resting = source?.resting();
      if (!isFirst) resting?.giveWay();
      const coming = call(setup, { answers: answersTo(pause), state: pause.state });
      if (isFirst) await until("the return", () => source?.resting() === undefined);
      resting?.giveWay();
      const ending = await coming;
      expect(ending.kind).toBe(isFirst ? "result" : "failure");
      expect(setup.fake.cancelled.length).toBe(isFirst ? 0 : 1);
      // The state is good for one return, and a call that went on did not give way.
      const again = await call(setup, { answers: answersTo(pause), state: pause.state });
      expect(again.kind === "failure" && again.error.message.includes("other work")).toBe(!isFirst);
      expect(setup.fake.opened.length).toBe(1);
    }
  });

  test("is waited for no longer when the gateway stops", async () => {
    const setup = await setUp();
    askFor(setup.fake, "Who?");
    await paused(setup);
    await setup.gateway.close();
    expect(setup.fake.cancelled).toEqual(["The gateway is stopping"]);
  });
});

describe("a call that is given up", () => {
  test("while it runs ends as cancelled, and the server gets the cancellation", async () => {
    const setup = await setUp();
    setup.fake.script(async (source) => {
      source.notice(progress(1));
      return await new Promise(() => {});
    });
    const exchange = start(setup);
    expect(await next(exchange)).toEqual(progress(1));
    exchange.cancel("gone");
    expect(failed((await read(exchange)).ending)).toBe("cancelled");
    expect(setup.fake.cancelled).toEqual(["gone"]);
  });

  test("while its questions are gathered is not kept", async () => {
    const setup = await setUp({ limits: { parkGatherMs: 60_000, parksPerPrincipalMax: 1 } });
    askFor(setup.fake, "Who?");
    const exchange = start(setup);
    const ending = read(exchange);
    await until("the call", () => setup.fake.opened.length === 1);
    exchange.cancel("gone");
    expect(failed((await ending).ending)).toBe("cancelled");
    expect(setup.fake.cancelled).toEqual(["gone"]);
  });

  test("while its state is sealed is not kept", async () => {
    const real = await createSealer(makeKey());
    let go: () => void = () => {};
    let isSealing = false;
    const sealer: Sealer = {
      ...real,
      async seal(...given) {
        isSealing = true;
        await new Promise<void>((resolve) => go = resolve);
        return await real.seal(...given);
      },
    };
    const setup = await setUp({ sealer });
    askFor(setup.fake, "Who?");
    const exchange = start(setup);
    const ending = read(exchange);
    await until("the sealing", () => isSealing);
    exchange.cancel("gone");
    go();
    expect(failed((await ending).ending)).toBe("cancelled");
    expect(setup.fake.cancelled).toEqual(["gone"]);
    await setup.gateway.close();
    // Nothing was left waiting, or the server would have got another cancellation at the stop.
    expect(setup.fake.cancelled).toEqual(["gone"]);
  });

  test("after it has paused goes on: its client left with the questions", async () => {
    const setup = await setUp();
    askFor(setup.fake, "Who?");
    const exchange = start(setup);
    const { ending } = await read(exchange);
    exchange.cancel("the connection closed");
    const pause = ending as InputRequired;
    expect(valueOf(await call(setup, { answers: answersTo(pause), state: pause.state })))
      .toEqual({ names: ["Who?"] });
    expect(setup.fake.cancelled).toEqual([]);
  });

  test("after its client came back ends as cancelled, and the server gets the cancellation", async () => {
    const setup = await setUp();
    let hasAnswer = false;
    setup.fake.script(async (source) => {
      await source.ask("elicitation/create", form("Who?"));
      hasAnswer = true;
      return await new Promise(() => {});
    });
    const pause = await paused(setup);
    const exchange = start(setup, { answers: answersTo(pause), state: pause.state });
    const ending = read(exchange);
    await until("the answer's arrival", () => hasAnswer);
    exchange.cancel("gone");
    expect(failed((await ending).ending)).toBe("cancelled");
    expect(setup.fake.cancelled).toEqual(["gone"]);
  });

  test("at the moment of its return is given up at the server, too", async () => {
    const setup = await setUp();
    setup.fake.script(async (source) => {
      await source.ask("elicitation/create", form("Who?"));
      return await new Promise(() => {});
    });
    const pause = await paused(setup);
    const exchange = start(setup, { answers: answersTo(pause), state: pause.state });
    exchange.cancel("gone");
    expect(failed((await read(exchange)).ending)).toBe("cancelled");
    await until("the server's word", () => setup.fake.cancelled.length > 0);
  });

  test("by its server while it waits ends with the server's own failure", async () => {
    const setup = await setUp();
    let stop: () => void = () => {};
    setup.fake.script((source) => {
      void source.ask("elicitation/create", form("Who?"));
      return new Promise((_, reject) => stop = () => reject(new GatewayError("upstream_exited")));
    });
    const pause = await paused(setup);
    stop();
    expect(failed(await call(setup, { answers: answersTo(pause), state: pause.state })))
      .toBe("upstream_exited");
    expect(setup.fake.opened.length).toBe(1);
  });
});

describe("a server that a new configuration no longer has", () => {
  const noServers = { servers: [], names: "auto", warnings: [], files: [], secrets: [] } as const;
  /** A server whose progress after its question ends the gathering of questions. */
  const askThenTell = (fake: FakeUpstream): void =>
    fake.script(async (source) => {
      const asked = source.ask("elicitation/create", form("Who?"));
      source.notice(progress(1));
      return { name: nameIn(await asked) };
    });

  test("runs on while a call of it waits for its client, and no longer", async () => {
    const clock = createTestClock();
    const limits = { callMsMax: defaultLimits.parkMs * 2 };
    const setup = await setUp({ clock, limits });
    askThenTell(setup.fake);
    await paused(setup);
    await setup.gateway.reconfigure(noServers);
    expect(setup.fake.closed).toBe(false);
    clock.advance(defaultLimits.parkMs - 1);
    expect(setup.fake.closed).toBe(false);
    clock.advance(1);
    expect(setup.fake.closed).toBe(true);
  });

  test("is not kept for a call whose client never came back", async () => {
    const clock = createTestClock();
    const setup = await setUp({ clock });
    askThenTell(setup.fake);
    await paused(setup);
    clock.advance(defaultLimits.parkMs);
    expect(setup.fake.cancelled.length).toBe(1);
    await setup.gateway.reconfigure(noServers);
    expect(setup.fake.closed).toBe(true);
  });

  test("is not kept for a call that could not wait", async () => {
    const setup = await setUp({ limits: { parksMax: 0 } });
    askThenTell(setup.fake);
    expect(failed(await call(setup))).toBe("overloaded");
    await setup.gateway.reconfigure(noServers);
    expect(setup.fake.closed).toBe(true);
  });

  test("is not kept for a call that was given up before anything of it was read", async () => {
    for (const asksByResult of [true, undefined]) {
      const setup = await setUp();
      setup.fake.script(() => new Promise(() => {}));
      const exchange = start(setup, undefined, { by: { ...caller(), asksByResult } });
      await until("the call", () => setup.fake.opened.length === 1);
      exchange.cancel("gone");
      await setup.gateway.reconfigure(noServers);
      expect(setup.fake.closed).toBe(true);
    }
  });
});

test("the log tells a call that paused from one that ended", async () => {
  const setup = await setUp();
  askFor(setup.fake, "Who?");
  const pause = await paused(setup);
  await call(setup, { answers: answersTo(pause), state: pause.state });
  const calls = setup.log.records.filter(({ message }) => message === "Call");
  expect(calls.map(({ fields }) => fields["outcome"])).toEqual(["paused", "ok"]);
});
