/** The listen request for what belongs to no call, and the notices that follow when it breaks. */
import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import type { Ending, JsonObject, Notice } from "../../../src/model.ts";
import type { Link, LinkRequest } from "../../../src/upstream/link/link.ts";
import { createDialects, type Dialect } from "../../../src/upstream/link/dialect.ts";
import { createListenRequest } from "../../../src/upstream/mcp/listen_request.ts";
import { createTestClock } from "../../support/clock.ts";
import { createFakeServer, openFake } from "../../support/fake_connector.ts";
import { createTestLog, type LogLine } from "../../support/upstream_deps.ts";
import { callerOf, drain, toolCall, watchScope } from "../../support/upstream_deps.ts";
import { until } from "../../support/wait.ts";

const [stateless] = createDialects({ name: "t", version: "1" }).of("modern", "any") as [Dialect];
const all: JsonObject = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { listChanged: true, subscribe: true },
};
const limits = { probeMs: 100, reconnectMsMin: 1_000, reconnectMsMax: 8_000 };
const notice = (method: string, params: JsonObject = {}): Notice => ({
  kind: "notice",
  method: `notifications/${method}`,
  params,
});
const ack = notice("subscriptions/acknowledged", { notifications: {} });

interface Stood {
  readonly request: LinkRequest;
  cancelled: boolean;
}

/** A standing request at a server whose answers the test gives. */
function stand(capabilities: JsonObject = all) {
  const clock = createTestClock();
  const stood: Stood[] = [];
  const told: Notice[] = [];
  const lines: LogLine[] = [];
  const subscribed: string[] = [];
  const link: Pick<Link, "request"> = {
    request(request) {
      const one: Stood = { request, cancelled: false };
      stood.push(one);
      return {
        cancel: () => void (one.cancelled = true),
        touch: () => {},
        hold: () => {},
        resume: () => {},
      };
    },
  };
  const standing = createListenRequest({
    link: link as Link,
    dialect: stateless,
    description: { capabilities },
    uris: () => subscribed,
    notice: (one) => {
      told.push(one);
      return true;
    },
    clock,
    limits,
    log: createTestLog(lines),
  });
  const filterOf = (at: number) => stood[at]?.request.params["notifications"];
  return { clock, stood, told, lines, subscribed, standing, filterOf };
}

const broke: Ending = { kind: "failure", error: new GatewayError("upstream_exited") };
const methodsOf = (notices: readonly Notice[]) =>
  notices.map(({ method, params }) =>
    `${method.slice("notifications/".length)} ${params["uri"] ?? ""}`.trim()
  );

/** The time until it is asked for again. */
function untilAsked({ clock, stood }: ReturnType<typeof stand>): number {
  const count = stood.length;
  for (let ms = 0; ms <= 2 * limits.reconnectMsMax; ms += 10) {
    if (stood.length > count) return ms;
    clock.advance(10);
  }
  return Infinity;
}

describe("a listen request", () => {
  test("asks for what the server can send and a client wants, without a time limit", async () => {
    const { standing, stood, filterOf, subscribed } = stand();
    subscribed.push("mem://a");
    const refreshed = standing.refresh();
    expect(stood[0]?.request).toMatchObject({ method: "subscriptions/listen", timeoutMs: 0 });
    expect(filterOf(0)).toEqual({
      toolsListChanged: true,
      promptsListChanged: true,
      resourcesListChanged: true,
      resourceSubscriptions: ["mem://a"],
    });
    expect(standing.open()).toBe(1);
    stood[0]?.request.notice(ack);
    await refreshed;
  });

  test("is not made where there is nothing to receive, and ends when nothing is left", async () => {
    const silent = stand({ tools: {}, resources: { subscribe: true } });
    await silent.standing.refresh();
    expect(silent.stood.length).toBe(0);
    silent.subscribed.push("mem://a");
    void silent.standing.refresh();
    silent.stood[0]?.request.notice(ack);
    silent.subscribed.pop();
    await silent.standing.refresh();
    expect(silent.stood.map(({ cancelled }) => cancelled)).toEqual([true]);
    expect(silent.standing.open()).toBe(0);
  });

  test("passes on what it receives, except the server's acknowledgement", () => {
    const { standing, stood, told } = stand();
    void standing.refresh();
    for (
      const one of [ack, notice("tools/list_changed"), notice("resources/updated", { uri: "u" })]
    ) {
      expect(stood[0]?.request.notice(one)).toBe(true);
    }
    expect(methodsOf(told)).toEqual(["tools/list_changed", "resources/updated u"]);
  });

  test("for something else is made before the old one is given up, so that nothing is missed", async () => {
    const { standing, stood, told, subscribed, filterOf } = stand();
    void standing.refresh();
    stood[0]?.request.notice(ack);
    subscribed.push("mem://b");
    const refreshed = standing.refresh();
    expect(filterOf(1)).toMatchObject({ resourceSubscriptions: ["mem://b"] });
    expect(stood.map(({ cancelled }) => cancelled)).toEqual([false, false]);
    stood[0]?.request.notice(notice("tools/list_changed"));
    stood[1]?.request.notice(ack);
    await refreshed;
    expect(stood.map(({ cancelled }) => cancelled)).toEqual([true, false]);
    expect(methodsOf(told)).toEqual(["tools/list_changed"]);
    expect(standing.open()).toBe(1);
  });

  test("that the server accepts without an acknowledgement is not awaited forever", async () => {
    const { standing, clock } = stand();
    let isOver = false;
    void standing.refresh().then(() => isOver = true);
    clock.advance(limits.probeMs);
    await until("the end of waiting", () => isOver);
  });

  test("that breaks is made again; what may have been missed is reported as changed, once the server accepts it", () => {
    const stage = stand({ ...all, prompts: undefined });
    const { standing, stood, told, subscribed } = stage;
    subscribed.push("mem://a");
    void standing.refresh();
    stood[0]?.request.notice(ack);
    stood[0]?.request.end(broke);
    expect(standing.open()).toBe(0);
    expect(untilAsked(stage)).toBeLessThanOrEqual(limits.reconnectMsMin);
    expect(told).toEqual([]);
    stood[1]?.request.notice(ack);
    expect(methodsOf(told)).toEqual([
      "tools/list_changed",
      "resources/list_changed",
      "resources/updated mem://a",
    ]);
  });

  test("that ends normally is made again, too", () => {
    const stage = stand();
    void stage.standing.refresh();
    stage.stood[0]?.request.notice(ack);
    stage.stood[0]?.request.end({ kind: "result", value: {} });
    expect(untilAsked(stage)).toBeLessThanOrEqual(limits.reconnectMsMin);
  });

  test("that keeps breaking is repeated with backoff, until it is accepted", () => {
    const stage = stand();
    void stage.standing.refresh();
    const waits: number[] = [];
    for (let at = 0; at < 6; at++) {
      stage.stood[at]?.request.end(broke);
      waits.push(untilAsked(stage));
    }
    for (const [at, wait] of waits.entries()) {
      const longest = Math.min(limits.reconnectMsMax, limits.reconnectMsMin * 2 ** at);
      expect(wait).toBeLessThanOrEqual(longest + 10);
      expect(wait).toBeGreaterThanOrEqual(longest / 2);
    }
    stage.stood[6]?.request.notice(ack);
    stage.stood[6]?.request.end(broke);
    expect(untilAsked(stage)).toBeLessThanOrEqual(limits.reconnectMsMin);
  });

  test("that the server does not know is not made again", () => {
    const stage = stand();
    void stage.standing.refresh();
    const body = { code: -32601, message: "Method not found" };
    stage.stood[0]?.request.end({
      kind: "failure",
      error: new GatewayError("upstream_error", "", { upstream: body }),
    });
    expect(untilAsked(stage)).toBe(Infinity);
  });

  test("that was replaced may end in any way", () => {
    const stage = stand();
    const { standing, stood } = stage;
    void standing.refresh();
    void standing.refresh();
    stood[1]?.request.notice(ack);
    stood[0]?.request.end(broke);
    expect(untilAsked(stage)).toBe(Infinity);
    expect(standing.open()).toBe(1);
  });

  test("that ended before the next one was taken is counted once", async () => {
    const { standing, stood } = stand();
    void standing.refresh();
    const taken = standing.refresh();
    stood[0]?.request.end(broke);
    stood[1]?.request.notice(ack);
    await taken;
    expect(standing.open()).toBe(1);
  });

  test("ends with its connection, and nothing is asked for any more", async () => {
    const stage = stand();
    void stage.standing.refresh();
    stage.stood[0]?.request.notice(ack);
    stage.standing.close();
    expect(stage.stood[0]?.cancelled).toBe(true);
    await stage.standing.refresh();
    expect(untilAsked(stage)).toBe(Infinity);
    const broken = stand();
    void broken.standing.refresh();
    broken.stood[0]?.request.end(broke);
    broken.standing.close();
    expect(untilAsked(broken)).toBe(Infinity);
  });
});

describe("a server without sessions", () => {
  const modern = callerOf("p:a", { revision: "2026-07-28", asksByResult: true, sharesScope: true });
  const subscribe = (uri: string, caller = callerOf("s1"), on = true) => ({
    method: on ? "resources/subscribe" : "resources/unsubscribe",
    params: { uri },
    wantsProgress: false,
    caller,
  });
  const create = () => {
    const server = createFakeServer({
      speaks: "stateless",
      capabilities: all,
      answer: (request) => {
        if (request.method !== "subscriptions/listen") return Promise.resolve({});
        request.notice(ack);
        return new Promise(() => {});
      },
    });
    const listens = () => server.requests.filter(({ method }) => method === "subscriptions/listen");
    const filters = () =>
      listens().filter(({ cancelled }) => cancelled === undefined)
        .map(({ params }) => (params["notifications"] as JsonObject)["resourceSubscriptions"]);
    return { server, listens, filters };
  };

  test("gets the subscriptions of all sessions in one request, and none when none is left", async () => {
    const { server, filters } = create();
    const { upstream } = await openFake(server);
    for (
      const call of [
        subscribe("mem://a"),
        subscribe("mem://a", callerOf("s2")),
        subscribe("mem://b", modern),
      ]
    ) {
      expect((await drain(upstream.open(call))).end).toEqual({ kind: "result", value: {} });
    }
    await until("one request for all", () => filters().length === 1);
    expect(filters()).toEqual([["mem://a", "mem://b"]]);
    await drain(upstream.open(subscribe("mem://a", callerOf("s1"), false)));
    expect(filters()).toEqual([["mem://a", "mem://b"]]);
    upstream.endScope("s2");
    await until(
      "the smaller request",
      () => filters().length === 1 && String(filters()[0]) === "mem://b",
    );
    await drain(upstream.open(subscribe("mem://b", modern, false)));
    await until("the last request", () => filters().length === 1 && filters()[0] === undefined);
    expect(server.requests.some(({ method }) => method.includes("subscribe"))).toBe(false);
    await upstream.close();
  });

  test("an update reaches its subscribers, a changed list all clients", async () => {
    const { server, listens } = create();
    const { upstream } = await openFake(server, { limits: { changeDebounceMs: 1 } });
    const heard = ["s1", "s2"].map((scope) =>
      watchScope(upstream, scope, undefined, {
        subscriptions: scope === "s1" ? ["mem://a"] : [],
      })
    );
    await drain(upstream.open(subscribe("mem://a")));
    const listen = listens().at(-1);
    listen?.notice(notice("resources/updated", { uri: "mem://a" }));
    listen?.notice(notice("resources/updated", { uri: "mem://other" }));
    listen?.notice(notice("tools/list_changed"));
    await until(
      "the change",
      () => heard.every(({ methods }) => methods().includes("notifications/tools/list_changed")),
    );
    expect(
      heard.map(({ notices }) =>
        notices.filter(({ method }) => method === "notifications/resources/updated")
          .map(({ params }) => params["uri"])
      ),
    ).toEqual([["mem://a"], []]);
    await upstream.close();
  });

  test("a process that only listens is idle, one with subscriptions is not", async () => {
    const clock = createTestClock();
    const { server } = create();
    const { upstream } = await openFake(server, { clock, config: { idleTimeoutMs: 50 } });
    await drain(upstream.open(toolCall("x", {}, modern)));
    await drain(upstream.open(subscribe("mem://a", modern)));
    clock.advance(1_000);
    expect(server.connections[0]?.isStopped).toBe(false);
    await drain(upstream.open(subscribe("mem://a", modern, false)));
    await until("its end", () => {
      clock.advance(60);
      return server.connections[0]?.isStopped;
    });
    await upstream.close();
  });

  test("whose process died gets the subscriptions when it is up again", async () => {
    const { server, filters, listens } = create();
    const { upstream } = await openFake(server);
    watchScope(upstream, "s1", undefined, { subscriptions: ["mem://a"] });
    await drain(upstream.open(subscribe("mem://a")));
    server.connections[0]?.die("it crashed");
    const before = listens().length;
    await drain(upstream.open(toolCall("x", {}, callerOf("s1"))));
    await until(
      "a new request",
      () =>
        listens().slice(before).some(({ params }) => JSON.stringify(params).includes("mem://a")),
    );
    expect(filters().at(-1)).toEqual(["mem://a"]);
    await upstream.close();
  });
});
