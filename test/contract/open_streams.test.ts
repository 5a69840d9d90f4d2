/**
 * Event streams over real sockets that are open for long: many that are idle (case B11), those
 * whose clients are gone (B10), and a client that opens its stream again and again (C7). The
 * harness's clock makes the heartbeats.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { defaultLimits } from "../../src/limits.ts";
import type { Listener, Runtime } from "../../src/runtime/runtime.ts";
import { notice } from "../support/fake_gateway.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { createHarness, type Harness } from "../support/http_harness.ts";
import { openRawSocket, type RawSocket } from "../support/raw_socket.ts";
import { until } from "../support/wait.ts";

const testMs = 60_000;
const runtime: Runtime = await createTestRuntime();
/** Each has a session of its own. */
const manyStreams = 200;
const { heartbeatMs, sessionStreamsMax } = defaultLimits;

for (const kind of ["fast", "hardened"] as const) {
  describe(`streams of the listener "${kind}"`, () => {
    let harness: Harness;
    let listener: Listener;
    let sockets: RawSocket[];
    beforeEach(async () => {
      harness = createHarness();
      sockets = [];
      const { fetch } = harness.handler;
      listener = await runtime.serve({ hostname: "127.0.0.1", port: 0, listener: kind, fetch });
    });
    afterEach(async () => {
      for (const socket of sockets) socket.destroy();
      await listener.close(1_000);
    });

    const openStreams = () => harness.handler.load().streams.standalone;

    /** Opens a stream of a session, and waits for its first events. */
    async function listen(session: string): Promise<RawSocket> {
      const socket = await openRawSocket(listener.port);
      sockets.push(socket);
      socket.send(
        "GET /mcp HTTP/1.1\r\nHost: localhost:8999\r\nAccept: text/event-stream\r\n" +
          `Mcp-Session-Id: ${session}\r\nMCP-Protocol-Version: 2025-11-25\r\n\r\n`,
      );
      await socket.waitFor(/connection_established/);
      return socket;
    }

    /** Says the same in all sessions. */
    function say(data: string): void {
      for (const { watcher } of harness.gateway.watches.values()) {
        watcher.notice(notice("notifications/message", { level: "error", data }));
      }
    }

    const hears = (socket: RawSocket, data: string) => socket.received().includes(data);

    test("B11: many that are idle are kept alive, and each hears what is said", async () => {
      const ids: string[] = [];
      for (let count = 0; count < manyStreams; count += 1) ids.push((await harness.connect()).id);
      await Promise.all(ids.map(listen));
      expect(openStreams()).toBe(manyStreams);
      for (let beats = 1; beats <= 3; beats += 1) {
        harness.clock.advance(heartbeatMs);
        const beatsOf = (socket: RawSocket) => socket.received().match(/: heartbeat/g)?.length ?? 0;
        await until("a heartbeat", () => sockets.every((socket) => beatsOf(socket) >= beats));
      }
      say("disk full");
      await until("the news", () => sockets.every((socket) => hears(socket, "disk full")));
      expect(sockets.filter((socket) => socket.isClosed()).length).toBe(0);
      expect(openStreams()).toBe(manyStreams);
    }, testMs);

    test("B10: those of clients that are gone end, and their places are free", async () => {
      const ids: string[] = [];
      for (let count = 0; count < 20; count += 1) ids.push((await harness.connect()).id);
      await Promise.all(ids.map(listen));
      const [staying, ...leaving] = sockets;
      for (const socket of leaving) socket.destroy();
      harness.clock.advance(heartbeatMs);
      await until("the ends", () => openStreams() === 1);
      await Promise.all(ids.slice(1).map(listen));
      expect(openStreams()).toBe(ids.length);
      say("all here");
      await until(
        "the news",
        () => sockets.every((socket) => leaving.includes(socket) || hears(socket, "all here")),
      );
      expect(staying?.isClosed()).toBe(false);
    }, testMs);

    test(
      "C7: a client that opens its stream again and again has a few, and hears all",
      async () => {
        const { id } = await harness.connect();
        // None of these is closed by the client: as far as the gateway knows, all may be read.
        for (let count = 0; count < 50; count += 1) await listen(id);
        await until("the ends of the oldest", () => openStreams() === sessionStreamsMax);
        const older = sockets.slice(0, -sessionStreamsMax);
        await until(
          "the gateway closes them",
          () =>
            older.every((socket) => socket.isClosed() || /\r\n0\r\n\r\n$/.test(socket.received())),
        );
        say("still there");
        await until("the news", () => sockets.some((socket) => hears(socket, "still there")));
        expect(sockets.filter((socket) => hears(socket, "still there")).length).toBe(1);
        expect(harness.gateway.watches.size).toBe(1);
      },
      testMs,
    );
  });
}
