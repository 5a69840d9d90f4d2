/** In which order the requests of clients are served that arrive in one turn of the event loop. */
import { describe, expect, test } from "bun:test";
import { defaultLimits, type Limits } from "../../../src/limits.ts";
import { createRequestTurns } from "../../../src/http/request_turns.ts";
import { createTestClock } from "../../support/clock.ts";
import { by, createHeaderAuthenticator } from "../../support/header_authenticator.ts";
import { createHarness, errorOf, request, sessionOf } from "../../support/http_harness.ts";
import { ask } from "../../support/stateless_client.ts";

/** Turns whose ends a test decides, and the requests in the order in which they went on. */
function openTurns(limits: Partial<Limits> = {}) {
  const clock = createTestClock();
  const ends: (() => void)[] = [];
  const served: string[] = [];
  const turns = createRequestTurns({
    clock,
    nextTurn: (run) => void ends.push(run),
    limits: { ...defaultLimits, ...limits },
  });
  return {
    clock,
    turns,
    ends,
    served,
    /** A request of a consumer; what refused it, if something did. */
    send(consumer: string, title = consumer): Promise<unknown> {
      const turn = turns.take(consumer);
      if (turn === undefined) served.push(title);
      return Promise.resolve(turn).then(
        () => void (turn && served.push(title)),
        (thrown: unknown) => thrown,
      );
    },
    async endTurn() {
      for (const end of ends.splice(0)) end();
      await new Promise((resolve) => setTimeout(resolve, 0));
    },
  };
}

const many = (count: number, name: string) =>
  Array.from({ length: count }, (_, at) => `${name}${at + 1}`);

describe("requests that arrive at the same time", () => {
  test("B15: of a greedy client, a few go before the next one of each other client", async () => {
    const { send, endTurn, served } = openTurns({ turnRequestsMax: 2 });
    for (const title of many(7, "greedy ")) void send("greedy", title);
    void send("modest", "modest 1");
    expect(served).toEqual(["greedy 1", "greedy 2", "modest 1"]);
    await endTurn();
    void send("modest", "modest 2");
    void send("other", "other 1");
    void send("greedy", "greedy 8");
    expect(served.slice(3)).toEqual(["greedy 3", "greedy 4", "modest 2", "other 1"]);
    for (let turn = 0; turn < 3; turn += 1) await endTurn();
    expect(served.slice(7)).toEqual(["greedy 5", "greedy 6", "greedy 7", "greedy 8"]);
  });

  test("of several clients that all wait go in turns", async () => {
    const { send, endTurn, served } = openTurns({ turnRequestsMax: 1 });
    for (const title of many(4, "a")) void send("a", title);
    for (const title of many(3, "b")) void send("b", title);
    for (let turn = 0; turn < 4; turn += 1) await endTurn();
    expect(served).toEqual(["a1", "b1", "a2", "b2", "a3", "b3", "a4"]);
  });

  test("of the only client go on with few turns between them, until another client comes", async () => {
    const { clock, send, endTurn, served } = openTurns({
      turnRequestsMax: 1,
      loneTurnRequestsMax: 3,
    });
    clock.advance(defaultLimits.loneClientMs);
    await send("lone");
    await endTurn();
    for (const title of many(5, "")) void send("lone", title);
    expect(served).toEqual(["lone", "1", "2", "3"]);
    void send("new");
    expect(served.at(-1)).toBe("new");
    await endTurn();
    expect(served.slice(5)).toEqual(["4"]);
  });
});

describe("a request that finds room", () => {
  test("waits for nothing, and asks for no turn of the event loop", () => {
    const { turns, ends } = openTurns({ turnRequestsMax: 4 });
    const taken = ["a", "b", "a", "b", "a"].map((consumer) => turns.take(consumer));
    expect(taken.every((turn) => turn === undefined)).toBe(true);
    expect(ends.length).toBe(0);
  });
});

describe("the queue", () => {
  test("is bounded: the client with most requests in it is refused first", async () => {
    const { send, turns } = openTurns({ turnRequestsMax: 1, requestsWaitingMax: 3 });
    const greedy = many(4, "").map(() => send("greedy"));
    void send("modest");
    void send("modest");
    const data = { retryAfterMs: expect.any(Number) };
    expect(await greedy[3]).toMatchObject({ code: "rate_limited", data });
    expect(await send("greedy")).toMatchObject({ code: "rate_limited", data });
    expect(turns.waiting()).toBe(3);
  });

  test("refuses what waited longer than a client does", async () => {
    const { clock, send, endTurn } = openTurns({ turnRequestsMax: 1, requestTurnMs: 50 });
    const [, second, third] = many(3, "").map(() => send("greedy"));
    await endTurn();
    expect(await second).toBeUndefined();
    clock.advance(51);
    await endTurn();
    expect(await third).toMatchObject({ code: "overloaded" });
  });
});

describe("through the HTTP layer", () => {
  test("B15: a flood of one principal delays another's call by no more than a turn of it", async () => {
    const limits = { turnRequestsMax: 3 };
    const harness = createHarness({ limits, authenticator: createHeaderAuthenticator() });
    const order: string[] = [];
    harness.gateway.instant = ({ caller }) => {
      order.push(caller.principal.id);
      return { content: [] };
    };
    const call = (user: string) =>
      ask(harness, "tools/call", { name: "quick", arguments: {} }, { headers: by(user) });
    const flood = Array.from({ length: 60 }, () => call("greedy"));
    const modest = call("modest");
    expect((await modest).status).toBe(200);
    expect(order.indexOf("modest")).toBeLessThanOrEqual(limits.turnRequestsMax);
    for (const answer of await Promise.all(flood)) expect(answer.status).toBe(200);
    expect(order.length).toBe(61);
  });

  test("sessions of clients that do not authenticate take turns on loopback", async () => {
    const limits = { turnRequestsMax: 3 };
    const harness = createHarness({ limits });
    const [greedy, modest] = [await harness.connect(), await harness.connect()];
    const order: string[] = [];
    harness.gateway.instant = ({ caller }) => {
      order.push(String(caller.scope));
      return { tools: [] };
    };
    const flood = Array.from({ length: 40 }, (_, id) => greedy.post(request(id, "tools/list")));
    expect((await modest.post(request(1, "tools/list"))).status).toBe(200);
    expect(new Set(order.slice(0, limits.turnRequestsMax + 1)).size).toBe(2);
    for (const answer of await Promise.all(flood)) expect(answer.status).toBe(200);
    // An id that no session has is no client of its own.
    const unknown = sessionOf(harness, crypto.randomUUID());
    expect((await errorOf(await unknown.post(request(1, "ping")))).status).toBe(404);
  });
});
