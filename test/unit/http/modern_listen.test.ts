/** Notification streams of stateless clients: what they carry, their ends and bounds. */
import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import type { JsonObject, Notice } from "../../../src/model.ts";
import { notice } from "../../support/fake_gateway.ts";
import {
  createHarness,
  errorOf,
  type FrameReader,
  framesOf,
  type Harness,
  type HarnessOptions,
} from "../../support/http_harness.ts";
import {
  ask,
  type AskOptions,
  signature,
  subscriptionKey,
} from "../../support/stateless_client.ts";
import { until } from "../../support/wait.ts";

const toolsChanged = notice("notifications/tools/list_changed");
const promptsChanged = notice("notifications/prompts/list_changed");
const resourcesChanged = notice("notifications/resources/list_changed");
const updated = (uri: string) => notice("notifications/resources/updated", { uri });
const all = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true };

function createListening(options?: HarnessOptions): Harness {
  const harness = createHarness(options);
  harness.gateway.description = {
    capabilities: {
      tools: { listChanged: true },
      prompts: { listChanged: true },
      resources: { listChanged: true, subscribe: true },
    },
  };
  return harness;
}

function listen(harness: Harness, notifications: unknown, options?: AskOptions) {
  return ask(harness, "subscriptions/listen", { notifications }, options);
}

/** Opens a stream and reads its acknowledgement. */
async function open(harness: Harness, notifications: JsonObject, options?: AskOptions) {
  const frames = framesOf(await listen(harness, notifications, options));
  const ack = await frames.message();
  expect(ack.method).toBe("notifications/subscriptions/acknowledged");
  return { frames, ack: ack.params as JsonObject };
}

/** Lets the gateway say nothing of itself; resolves once it is asked. */
function describeNever({ gateway }: Harness): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  Object.defineProperty(gateway, "describing", {
    configurable: true,
    get() {
      resolve();
      return new Promise(() => {});
    },
  });
  return promise;
}

/** Sends a notice to every listener. */
function say({ gateway }: Harness, ...notices: Notice[]): void {
  for (const one of notices) {
    for (const { watcher } of [...gateway.watching]) watcher.notice(one);
  }
}

/** The next message of a stream, by its name, its URI and the stream that it names. */
async function heard(frames: FrameReader): Promise<unknown[]> {
  const { method, params } = await frames.message() as { method: string; params: JsonObject };
  const { uri, _meta } = params as { uri?: string; _meta: JsonObject };
  return [method, uri, _meta[subscriptionKey]].filter((part) => part !== undefined);
}

/** Subscriptions and their ends as the gateway was asked for them, in order. */
function watchSubscriptions(harness: Harness): string[] {
  const seen: string[] = [];
  const { instant } = harness.gateway;
  harness.gateway.instant = (call) => {
    if (!/subscribe$/.test(call.method)) return instant(call);
    seen.push(`${call.method.slice("resources/".length)} ${call.params.uri}`);
    return {};
  };
  return seen;
}

describe("a notification stream", () => {
  test("begins with the filter that the surface honours", async () => {
    const harness = createHarness();
    harness.gateway.description = {
      capabilities: { tools: { listChanged: true }, resources: { subscribe: true } },
    };
    const response = await listen(harness, { ...all, resourceSubscriptions: ["a:1"] });
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect(response.headers.get("x-accel-buffering")).toBe("no");
    const first = await framesOf(response).next();
    expect([first?.id, JSON.parse(first?.data ?? "")]).toEqual([undefined, {
      jsonrpc: "2.0",
      method: "notifications/subscriptions/acknowledged",
      params: {
        notifications: { toolsListChanged: true, resourceSubscriptions: ["a:1"] },
        _meta: { [subscriptionKey]: 1 },
      },
    }]);
  });

  test("carries only the requested notices", async () => {
    const harness = createListening();
    const { frames } = await open(harness, {
      promptsListChanged: true,
      toolsListChanged: false,
      resourceSubscriptions: ["a:1", "a:2"],
    });
    say(harness, toolsChanged, resourcesChanged, updated("a:3"));
    say(harness, notice("notifications/message", { level: "emergency", data: 1 }));
    say(harness, promptsChanged, updated("a:2"));
    expect(await heard(frames)).toEqual(["notifications/prompts/list_changed", 1]);
    expect(await heard(frames)).toEqual(["notifications/resources/updated", "a:2", 1]);
  });

  test("names itself by the request's id, as the client wrote it", async () => {
    const harness = createListening();
    const ids = [1, "1", 0, ""];
    const streams = [];
    for (const id of ids) streams.push(await open(harness, all, { id }));
    expect(streams.map(({ ack }) => (ack._meta as JsonObject)[subscriptionKey])).toEqual(ids);
    say(harness, toolsChanged);
    for (const [at, { frames }] of streams.entries()) {
      expect(await heard(frames)).toEqual(["notifications/tools/list_changed", ids[at]]);
    }
  });

  test("does not wait for servers that are still starting, and takes all they may have", async () => {
    const harness = createHarness();
    const isAsked = describeNever(harness);
    const answer = listen(harness, { ...all, resourceSubscriptions: ["a:1"] });
    await isAsked;
    harness.clock.advance(300);
    const frames = framesOf(await answer);
    expect((await frames.message()).params).toMatchObject({
      notifications: { ...all, resourceSubscriptions: ["a:1"] },
    });
    say(harness, toolsChanged);
    expect(await heard(frames)).toEqual(["notifications/tools/list_changed", 1]);
  });

  test("is kept alive by comments", async () => {
    const harness = createListening();
    let held = 0;
    const { frames } = await open(harness, all, { context: { holdOpen: () => void (held += 1) } });
    expect(held).toBe(1);
    harness.clock.advance(15_000);
    expect((await frames.next())?.comment).toContain("heartbeat");
  });

  test("ends in good order when the gateway stops", async () => {
    for (const stop of ["drain", "close"] as const) {
      const harness = createListening();
      const { frames } = await open(harness, all, { id: "s" });
      await harness.handler[stop]();
      expect(await frames.message()).toEqual({
        jsonrpc: "2.0",
        id: "s",
        result: { resultType: "complete", _meta: { ...signature, [subscriptionKey]: "s" } },
      });
      expect(await frames.next()).toBe(undefined);
      await until("the end of listening", () => harness.gateway.watching.size === 0);
      const refused = await errorOf(await listen(harness, all));
      expect(refused).toMatchObject({ status: 503, code: -32603 });
    }
  });

  test("that is requested while the gateway begins to stop only ends", async () => {
    const harness = createHarness();
    const isAsked = describeNever(harness);
    const answer = listen(harness, all, { id: 4 });
    await isAsked;
    harness.handler.drain();
    harness.clock.advance(300);
    const frames = framesOf(await answer);
    expect(harness.gateway.watching.size).toBe(0);
    expect(await frames.message()).toMatchObject({ id: 4, result: { resultType: "complete" } });
    expect(await frames.next()).toBe(undefined);
  });

  test("gets no more once its client has left", async () => {
    const harness = createListening();
    const { frames } = await open(harness, all);
    const other = await open(harness, all, { id: 2 });
    await frames.cancel();
    await until("the end of listening", () => harness.gateway.watching.size === 1);
    say(harness, toolsChanged);
    expect(await heard(other.frames)).toEqual(["notifications/tools/list_changed", 2]);
  });

  test("whose client left before it began listens to nothing", async () => {
    const harness = createHarness({ limits: { listensPerPrincipalMax: 1 } });
    const isAsked = describeNever(harness);
    const leaving = new AbortController();
    const answer = listen(harness, all, { signal: leaving.signal });
    await isAsked;
    leaving.abort();
    harness.clock.advance(300);
    await answer;
    expect(harness.gateway.watching.size).toBe(0);
    Object.defineProperty(harness.gateway, "describing", { value: undefined });
    expect((await listen(harness, all)).status).toBe(200);
  });

  test("gets broadcasts, where it wants them", async () => {
    const harness = createListening();
    const { frames } = await open(harness, { toolsListChanged: true });
    await open(harness, { promptsListChanged: true });
    expect(harness.handler.broadcast(toolsChanged)).toBe(1);
    expect(harness.handler.broadcast(resourcesChanged)).toBe(0);
    expect(await heard(frames)).toEqual(["notifications/tools/list_changed", 1]);
  });

  test("carries no questions: one outside of any call is refused", async () => {
    const harness = createListening();
    await open(harness, all);
    const [watch] = harness.gateway.watching;
    const asked = watch?.watcher.ask({ kind: "ask", id: "1", method: "roots/list", params: {} });
    expect(await asked?.catch((error: GatewayError) => error.code)).toBe("ask_unanswerable");
  });

  test("sends a slow reader each change once", async () => {
    const harness = createListening({ limits: { streamBytesMax: 2_000 } });
    const uris = ["a:1", "a:2"];
    const { frames } = await open(harness, { toolsListChanged: true, resourceSubscriptions: uris });
    for (let at = 0; at < 100; at += 1) say(harness, toolsChanged, updated("a:1"), updated("a:2"));
    harness.handler.drain();
    const said = (await frames.rest()).map(({ data }) => JSON.parse(data ?? "{}"));
    expect(said.length).toBeLessThan(30);
    expect(said.at(-1)).toMatchObject({ result: { resultType: "complete" } });
  });

  test("sends what waited once its reader has caught up", async () => {
    const harness = createListening({ limits: { streamBytesMax: 2_000 } });
    const { frames } = await open(harness, { ...all, resourceSubscriptions: ["a:1"] });
    // What is queued hides the last one from a reader who stands still.
    for (let at = 0; at < 100; at += 1) say(harness, toolsChanged);
    say(harness, updated("a:1"));
    const first = await until("all that was queued", async () => {
      const [method] = await heard(frames);
      harness.clock.advance(8_000);
      return method === "notifications/resources/updated" ? method : undefined;
    });
    expect(first).toBe("notifications/resources/updated");
  });
});

describe("a notification stream that is refused", () => {
  test("its filter must be one", async () => {
    const harness = createListening();
    for (const filter of [undefined, null, "all", [1], { toolsListChanged: "yes" }]) {
      expect(await errorOf(await listen(harness, filter, { id: 3 }))).toMatchObject({
        code: -32602,
        id: 3,
      });
    }
    const wrong = { resourceSubscriptions: "a:1" };
    expect(await errorOf(await listen(harness, wrong))).toMatchObject({ code: -32602 });
    expect((await listen(harness, {})).status).toBe(200);
  });

  test("its client must take a stream", async () => {
    const response = await listen(createListening(), all, {
      headers: { accept: "application/json" },
    });
    expect(await errorOf(response)).toMatchObject({ status: 406, id: 1 });
  });

  test("one principal may have a number of them, with a number of resources each", async () => {
    const harness = createListening({ limits: { listensPerPrincipalMax: 2, listenUrisMax: 2 } });
    const many = await listen(harness, { resourceSubscriptions: ["a:1", "a:2", "a:3"] });
    expect(await errorOf(many)).toMatchObject({ status: 200, code: -32602 });
    const twice = { resourceSubscriptions: ["a:1", "a:1", "a:2"] };
    const { frames } = await open(harness, twice);
    await open(harness, all);
    expect(await errorOf(await listen(harness, all))).toMatchObject({ status: 503, code: -32603 });
    await frames.cancel();
    await until("room", () => harness.gateway.watching.size === 1);
    expect((await listen(harness, all)).status).toBe(200);
  });
});

describe("resources of notification streams", () => {
  test("are subscribed to once for all streams, and left when the last one ends", async () => {
    const harness = createListening();
    const seen = watchSubscriptions(harness);
    const first = await open(harness, { resourceSubscriptions: ["a:1", "a:2"] });
    const second = await open(harness, { resourceSubscriptions: ["a:2"] }, { id: 2 });
    await until("both", () => seen.length === 2);
    expect(seen).toEqual(["subscribe a:1", "subscribe a:2"]);
    await first.frames.cancel();
    await until("the end of one", () => seen.length === 3);
    expect(seen.at(-1)).toBe("unsubscribe a:1");
    say(harness, updated("a:2"));
    expect(await heard(second.frames)).toEqual(["notifications/resources/updated", "a:2", 2]);
    await second.frames.cancel();
    await until("the end of both", () => seen.length === 4);
    expect(seen.at(-1)).toBe("unsubscribe a:2");
  });

  test("are left on every surface only when none wants them: their server may be the same", async () => {
    const harness = createListening();
    const seen = watchSubscriptions(harness);
    const filter = { resourceSubscriptions: ["a:1"] };
    const first = await open(harness, filter);
    const second = await open(harness, filter, { path: "/servers/files/mcp" });
    await until("both", () => seen.length === 2);
    await first.frames.cancel();
    await until("the end of one", () => harness.gateway.watching.size === 1);
    expect(seen).toEqual(["subscribe a:1", "subscribe a:1"]);
    await second.frames.cancel();
    await until("the end of both", () => seen.length === 4);
    expect(seen.slice(2)).toEqual(["unsubscribe a:1", "unsubscribe a:1"]);
  });

  test("that are left while they are still being subscribed to are left afterwards", async () => {
    const harness = createListening();
    harness.gateway.instant = () => undefined;
    const filter = { resourceSubscriptions: ["a:1"] };
    const streams = [await open(harness, filter), await open(harness, filter, { id: 2 })];
    const subscribing = await harness.gateway.nextCall();
    for (const { frames } of streams) await frames.cancel();
    await until("the end of listening", () => harness.gateway.watching.size === 0);
    expect(harness.gateway.calls.length).toBe(1);
    subscribing.result({});
    const leaving = await harness.gateway.nextCall();
    expect([subscribing, leaving].map(({ call }) => call.method))
      .toEqual(["resources/subscribe", "resources/unsubscribe"]);
    leaving.result({});
  });

  test("that could not be subscribed to are tried again when the resources have changed", async () => {
    const harness = createListening();
    harness.gateway.instant = () => undefined;
    await open(harness, { resourceSubscriptions: ["a:1", "a:2"] });
    const [one, two] = [await harness.gateway.nextCall(), await harness.gateway.nextCall()];
    one.fail(new GatewayError("upstream_unavailable"));
    two.result({});
    await until(
      "a word about it",
      () => harness.records.some(({ message }) => message === "Cannot follow a resource"),
    );
    say(harness, resourcesChanged);
    const again = await harness.gateway.nextCall();
    expect([again.call.method, again.call.params]).toEqual(["resources/subscribe", { uri: "a:1" }]);
    again.result({});
    expect(harness.gateway.calls.length).toBe(3);
  });
});
