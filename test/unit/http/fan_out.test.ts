/**
 * One notice to many sessions, through the HTTP layer: it keeps its place between a session's own
 * messages and heartbeats, and one reader's trouble is no other's.
 */
import { describe, expect, test } from "bun:test";
import { notice } from "../../support/fake_gateway.ts";
import {
  createHarness,
  framesOf,
  type Harness,
  request,
  slowCall,
  type TestFrame,
} from "../../support/http_harness.ts";

const toolsChanged = notice("notifications/tools/list_changed");
const log = (data: unknown) => notice("notifications/message", { level: "info", data });

/** Lets everything that is ready happen. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setTimeout(resolve, 0));
}

/** What a frame is, in a word or by its data. */
function wordFor(frame: TestFrame | undefined): unknown {
  if (frame?.comment !== undefined) return frame.comment.split(" ")[0];
  const { method, params, id } = JSON.parse(frame?.data || "{}");
  return params?.data ?? method?.split("/")[1] ?? id;
}

/** A session with an open stream that has read its greeting. */
async function openSession(harness: Harness, revision = "2025-06-18") {
  const session = await harness.connect({ revision });
  const watch = [...harness.gateway.watches.values()].at(-1);
  const stream = framesOf(await session.get());
  await stream.message();
  return { session, watch, stream };
}

describe("one notice to many sessions", () => {
  test("keeps its place between a session's own messages and heartbeats", async () => {
    const harness = createHarness({ limits: { heartbeatBareMs: 8_000 } });
    const one = await openSession(harness);
    const other = await openSession(harness, "2025-11-25");
    // All in one moment: nothing is read in between.
    one.watch?.watcher.notice(log("own 1"));
    harness.handler.broadcast(toolsChanged);
    harness.clock.advance(8_000);
    one.watch?.watcher.notice(log("own 2"));
    one.watch?.watcher.notice(log("own 3"));
    harness.handler.broadcast(notice("notifications/prompts/list_changed"));
    other.watch?.watcher.notice(log("theirs"));
    const words = async ({ stream }: typeof one, count: number) => {
      const found: unknown[] = [];
      while (found.length < count) found.push(wordFor(await stream.next()));
      return found;
    };
    expect(await words(one, 6))
      .toEqual(["own 1", "tools", "heartbeat", "own 2", "own 3", "prompts"]);
    expect(await words(other, 4)).toEqual(["tools", "heartbeat", "prompts", "theirs"]);
  });

  test("costs a reader that lags its own stream alone; it gets the change on the next one", async () => {
    const harness = createHarness({ limits: { streamBytesMax: 2_000 } });
    const [slow, quick] = [await openSession(harness), await openSession(harness)];
    for (let at = 0; at < 40; at += 1) slow.watch?.watcher.notice(log("x".repeat(100)));
    await settled();
    for (let round = 0; round < 50; round += 1) {
      expect(harness.handler.broadcast(toolsChanged)).toBe(1);
      expect(await quick.stream.message()).toMatchObject({ method: toolsChanged.method });
    }
    const rest = await slow.stream.rest();
    expect(rest.length).toBeGreaterThan(0);
    expect(rest.map(wordFor)).not.toContain("tools");
    const words: unknown[] = [];
    let next = framesOf(await slow.session.get());
    for (let read = 0; read < 100 && !words.includes("tools"); read += 1) {
      const frame = await next.next();
      if (frame === undefined) next = framesOf(await slow.session.get());
      else words.push(wordFor(frame));
    }
    expect(words.filter((word) => word === "tools")).toEqual(["tools"]);
    expect(harness.handler.broadcast(toolsChanged)).toBe(2);
    await Promise.all([next.cancel(), quick.stream.cancel()]);
    await settled();
    expect(harness.handler.broadcast(toolsChanged)).toBe(0);
  });

  test("reaches clients of HTTP+SSE, too, as a message event", async () => {
    const harness = createHarness();
    const one = await openSession(harness);
    const line = framesOf(
      await harness.send("GET", "/sse", { headers: { accept: "text/event-stream" } }),
    );
    const path = (await line.next())?.data ?? "";
    const headers = { "content-type": "application/json" };
    await harness.send("POST", path, {
      headers,
      body: request(1, "initialize", {
        protocolVersion: "2024-11-05",
        capabilities: {},
        clientInfo: { name: "old", version: "1" },
      }),
    });
    expect(await line.message()).toMatchObject({ id: 1 });
    await settled();
    expect(harness.handler.broadcast(toolsChanged)).toBe(2);
    const frame = await line.next();
    expect([frame?.event, wordFor(frame)]).toEqual(["message", "tools"]);
    expect(await one.stream.message()).toMatchObject({ method: toolsChanged.method });
  });
});

describe("an answer that is complete in the moment of its first frame", () => {
  test("is one chunk with every frame in order, and can be resumed", async () => {
    const harness = createHarness();
    const session = await harness.connect();
    const answer = session.post(slowCall(1));
    const call = await harness.gateway.nextCall();
    call.notice("notifications/message", { level: "info", data: "half" });
    call.result({ content: ["whole"] });
    const response = await answer;
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    const reader = response.body?.getReader();
    const { value } = await reader?.read() ?? {};
    expect((await reader?.read())?.done).toBe(true);
    const text = new TextDecoder().decode(value);
    const ids = [...text.matchAll(/^id: (.*)$/gm)].map(([, id = ""]) => id);
    expect(ids.length).toBe(3);
    expect(text.indexOf("half")).toBeLessThan(text.indexOf("whole"));
    const resumed = framesOf(await session.get({ "last-event-id": ids[1] ?? "" }));
    expect((await resumed.rest()).map(wordFor)).toEqual([1]);
    expect((await session.get({ "last-event-id": ids[2] ?? "" })).status).toBe(204);
  });

  test("is a stream of two chunks if it is not complete at once", async () => {
    const harness = createHarness();
    const session = await harness.connect();
    const answer = session.post(slowCall(1));
    const call = await harness.gateway.nextCall();
    call.notice("notifications/message", { level: "info", data: "half" });
    const reader = (await answer).body?.getReader();
    const text = async () => new TextDecoder().decode((await reader?.read())?.value);
    expect(await text()).toContain("half");
    call.result({ content: ["whole"] });
    expect(await text()).toContain("whole");
    expect((await reader?.read())?.done).toBe(true);
  });
});
