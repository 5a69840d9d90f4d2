/** Clients of seven slow kinds at the hardened listener, next to one that is not slow. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Listener, Runtime } from "../../src/runtime/runtime.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { framesOf } from "../support/http_harness.ts";
import { openSlowSocket, slowKinds, type SlowSocket } from "../support/slow_sockets.ts";
import { until } from "../support/wait.ts";

const each = 10;
const bytes = 8_000_000;
const beatMs = 20;
let runtime: Runtime;
let listener: Listener;
/** Of the large answers: how many began, and how many their listener gave up. */
let [begun, givenUp] = [0, 0];

beforeAll(async () => {
  runtime = await createTestRuntime();
  listener = await runtime.serve({
    hostname: "127.0.0.1",
    port: 0,
    listener: "hardened",
    limits: { headersMs: 300, bodyMs: 600, unreadMs: 600, slowCheckMs: 50 },
    async fetch(request) {
      const { pathname } = new URL(request.url);
      await request.text();
      if (pathname === "/large") return new Response(large());
      return pathname === "/stream" ? new Response(beats()) : new Response("{}");
    },
  });
});

afterAll(() => listener.close(0));

function large(): ReadableStream<Uint8Array> {
  begun += 1;
  return new ReadableStream({
    start: (controller) => controller.enqueue(new Uint8Array(bytes)),
    cancel: () => void (givenUp += 1),
  });
}

/** A comment at each beat, until the reader leaves. */
function beats(): ReadableStream<Uint8Array> {
  let timer: ReturnType<typeof setInterval>;
  return new ReadableStream({
    start(controller) {
      const beat = () => controller.enqueue(new TextEncoder().encode(": beat\n\n"));
      beat();
      timer = setInterval(beat, beatMs);
    },
    cancel: () => clearInterval(timer),
  });
}

test("B9: slow clients of all kinds are disconnected, and others are served meanwhile", async () => {
  const url = `http://127.0.0.1:${listener.port}`;
  const stream = framesOf(await fetch(`${url}/stream`));
  const kinds = slowKinds("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const groups = new Map<string, SlowSocket[]>();
  for (const [name, kind] of Object.entries(kinds)) {
    const group: SlowSocket[] = [];
    groups.set(name, group);
    while (group.length < each) group.push(await openSlowSocket(listener.port, kind, beatMs));
  }
  for (const [name, group] of groups) {
    const isOver = () =>
      kinds[name]?.readsNothing === true
        ? givenUp === each
        : group.every((socket) => socket.closedMs() !== undefined);
    await until(`the clients of the kind "${name}" to be disconnected`, async () => {
      expect((await fetch(`${url}/ready`)).status).toBe(200);
      expect((await stream.next())?.comment).toBe("beat");
      return isOver();
    });
  }
  expect([begun, givenUp]).toEqual([each, each]);
  await stream.cancel();
  for (const socket of [...groups.values()].flat()) socket.destroy();
});
