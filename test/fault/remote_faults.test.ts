/**
 * The caller of remote servers on the real platform, against servers that hang, drip, break, flood,
 * send bombs and redirect (cases F1, F2, F4, F6, F8, F9).
 */
import { afterEach, describe, expect, test } from "bun:test";
import { Buffer } from "node:buffer";
import type { ServerResponse } from "node:http";
import process from "node:process";
import { createGzip, deflateSync, gzipSync } from "node:zlib";
import { defaultLimits } from "../../src/limits.ts";
import { createPacedClocks, createTestClock } from "../support/clock.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { type FaultServer, serveBytes, serveFaults } from "../support/fault_server.ts";
import { freePort } from "../support/free_port.ts";
import { createTestCaller, errorOf, type TestCallerOptions } from "../support/http_caller.ts";
import { until } from "../support/wait.ts";

const runtime = await createTestRuntime();
const servers: FaultServer[] = [];
const clocks = createPacedClocks();
afterEach(async () => {
  clocks.stopAll();
  for (const server of servers.splice(0)) await server.close();
});
const keep = (server: FaultServer): FaultServer => {
  servers.push(server);
  return server;
};
const serve: typeof serveFaults = async (...args) => keep(await serveFaults(...args));
const serveRaw: typeof serveBytes = async (...args) => keep(await serveBytes(...args));
const callerOf = (server: { readonly origin: string }, more: Partial<TestCallerOptions> = {}) =>
  createTestCaller({ runtime, url: `${server.origin}/mcp`, ...more });

const mebibyte = 1024 * 1024;

/** So many mebibytes of nothing, packed without ever being there as a whole. */
async function packZeros(mebibytes: number): Promise<Uint8Array> {
  const packer = createGzip();
  const parts: Uint8Array[] = [];
  packer.on("data", (part: Uint8Array) => parts.push(part));
  const zeros = new Uint8Array(mebibyte);
  for (let count = 0; count < mebibytes; count += 1) {
    await new Promise<void>((resolve) => packer.write(zeros, () => resolve()));
  }
  await new Promise<void>((resolve) => packer.end(() => resolve()));
  return Buffer.concat(parts);
}

describe("F1 a server that hangs", () => {
  test("before its head ends with the time of the call, and the connection with it", async () => {
    const server = await serve(() => {});
    const caller = callerOf(server, { clock: clocks.create() });
    const error = await errorOf(caller.post({ timeoutMs: 150 }));
    expect([error.code, error.message]).toEqual([
      "upstream_timeout",
      'Server "far" did not answer within 150 ms; whether the call took effect is unknown',
    ]);
    expect(error.data).toMatchObject({ method: "POST", outcome: "unknown", server: "far" });
    expect(Number(error.data?.["response_time"])).toBeGreaterThanOrEqual(149);
    expect(server.seen.length).toBe(1);
    await until("the connection is closed", () => server.open() === 0);
  });

  test("before its head ends at the time limit of the head, if the body may stay open", async () => {
    const server = await serve(() => {});
    const error = await errorOf(callerOf(server).get({ timeoutMs: 0, headMs: 100 }));
    expect([error.code, error.message])
      .toEqual(["upstream_timeout", 'Server "far" did not answer within 100 ms']);
    const bounded = callerOf(server, { limits: { responseMs: 120 } });
    expect((await errorOf(bounded.get({ timeoutMs: 0 }))).message).toContain("within 120 ms");
  });

  test("within its body, or drips it, ends with the time of the call", async () => {
    for (const drips of [false, true]) {
      const drip = (response: ServerResponse) => {
        const timer = setInterval(() => response.write(" "), 20);
        response.on("close", () => clearInterval(timer));
      };
      const server = await serve((_request, response) => {
        response.write("{");
        if (drips) drip(response);
      });
      const answer = await callerOf(server, { clock: clocks.create() }).get({ timeoutMs: 1_000 });
      expect(answer.status).toBe(200);
      expect((await errorOf(answer.text())).code).toBe("upstream_timeout");
      await until("the connection is closed", () => server.open() === 0);
    }
  });

  test("before TLS begins fails at the time limit of a connection, and is tried again", async () => {
    const server = await serveRaw(() => {});
    const caller = createTestCaller({
      runtime,
      url: `https://localhost:${server.port}/`,
      limits: { connectMs: 300, httpRetriesMax: 1 },
    });
    expect((await errorOf(caller.post())).code).toBe("upstream_unavailable");
    expect(server.connections()).toBe(2);
  });

  test("is disconnected when the client cancels, during its head or its body", async () => {
    const server = await serve((request, response) => {
      if (request.url !== "/hang") response.write("{");
    });
    const waiting = new AbortController();
    const work = errorOf(
      callerOf(server).post({ url: `${server.origin}/hang` }, waiting.signal),
    );
    await until("it came", () => server.seen.length === 1);
    waiting.abort();
    expect((await work).code).toBe("cancelled");
    const reading = new AbortController();
    const answer = await callerOf(server).get({}, reading.signal);
    const text = errorOf(answer.text());
    reading.abort();
    expect((await text).code).toBe("cancelled");
    await until("both connections are closed", () => server.open() === 0);
  });

  test("on purpose, as an open event stream, stays connected", async () => {
    let say: (text: string) => void = () => {};
    const server = await serve((_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).write(": hello\n\n");
      say = (text) => void response.write(text);
    });
    const clock = createTestClock();
    const answer = await callerOf(server, { clock }).get({ timeoutMs: 0 });
    const reader = answer.body.getReader();
    await reader.read();
    // Longer than the head may take, which must not count any more.
    clock.advance(10 * defaultLimits.responseMs);
    say("data: 1\n\n");
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("data: 1\n\n");
    await reader.cancel();
    await until("the connection is closed", () => server.open() === 0);
  });
});

describe("F9 a call that breaks", () => {
  test("runs once at most: after the request, in the head, in the body", async () => {
    const cuts: readonly ((response: ServerResponse) => void)[] = [
      (response) => response.destroy(),
      (response) => void response.socket?.end("HTTP/1.1 200 OK\r\ncontent-le"),
      (response) => {
        response.writeHead(200, { "content-length": "100" });
        response.write("abc", () => response.destroy());
      },
    ];
    for (const [index, cut] of cuts.entries()) {
      const server = await serve((_request, response) => cut(response));
      const error = await errorOf(callerOf(server).post().then((answer) => answer.text()));
      expect([index, error.code, error.data?.["outcome"], server.seen.length])
        .toEqual([index, "upstream_unavailable", "unknown", 1]);
      expect(error.message).toContain("whether the call took effect is unknown");
    }
  });

  test("may be repeated if it changes nothing or was never sent", async () => {
    let count = 0;
    const server = await serve((_request, response) => {
      count += 1;
      if (count < 3) response.destroy();
      else response.end("ok");
    });
    expect(await (await callerOf(server).get()).text()).toBe("ok");
    expect(server.seen.length).toBe(3);
    const caller = createTestCaller({
      runtime,
      url: `http://127.0.0.1:${await freePort()}/`,
    });
    const error = await errorOf(caller.post());
    expect([error.code, error.data?.["outcome"]]).toEqual(["upstream_unavailable", "not_sent"]);
    expect(caller.records.filter(({ severity }) => severity === "DEBUG").length).toBe(3);
  });
});

describe("F4 a body", () => {
  test("that is compressed is decoded, in each requested encoding", async () => {
    const text = JSON.stringify({ text: "日本".repeat(20_000) });
    const packed: Record<string, Uint8Array> = {
      gzip: gzipSync(text),
      "x-gzip": gzipSync(text),
      GZIP: gzipSync(text),
      deflate: deflateSync(text),
      identity: new TextEncoder().encode(text),
    };
    for (const [encoding, bytes] of Object.entries(packed)) {
      const server = await serve((_request, response) =>
        response.writeHead(200, { "content-encoding": encoding }).end(bytes)
      );
      expect((await (await callerOf(server).get()).text()) === text).toBe(true);
    }
  });

  test("that is empty may be declared as compressed", async () => {
    const server = await serve((_request, response) =>
      response.writeHead(202, { "content-encoding": "gzip" }).end()
    );
    const answer = await callerOf(server).post();
    expect([answer.status, await answer.text()]).toEqual([202, ""]);
  });

  test("that is no gzip, ends too early or was not asked for is an invalid answer", async () => {
    const bodies: readonly [string, Uint8Array][] = [
      ["gzip", new TextEncoder().encode("plain")],
      ["gzip", gzipSync("x".repeat(1000)).subarray(0, 12)],
      ["br", new TextEncoder().encode("x")],
      ["gzip, gzip", gzipSync(gzipSync("x"))],
    ];
    for (const [encoding, bytes] of bodies) {
      const server = await serve((_request, response) =>
        response.writeHead(200, { "content-encoding": encoding }).end(bytes)
      );
      const error = await errorOf(callerOf(server).get().then((answer) => answer.text()));
      expect([encoding, error.code]).toEqual([encoding, "bad_upstream_response"]);
      await until("the connection is left", () => server.open() <= 1);
    }
  });

  test("that is a bomb is cut at the bound, in little memory", async () => {
    // Half a megabyte that becomes half a gigabyte.
    const bomb = await packZeros(512);
    const server = await serve((_request, response) =>
      response.writeHead(200, { "content-encoding": "gzip" }).end(bomb)
    );
    const before = process.memoryUsage().rss;
    let highest = before;
    const timer = setInterval(() => {
      highest = Math.max(highest, process.memoryUsage().rss);
    }, 5);
    const error = await errorOf(callerOf(server).get().then((answer) => answer.text()));
    clearInterval(timer);
    highest = Math.max(highest, process.memoryUsage().rss);
    expect(error.code).toBe("bad_upstream_response");
    expect(error.message).toContain("larger than 16777216 bytes");
    expect((highest - before) / mebibyte).toBeLessThan(50);
    await until("the connection is closed", () => server.open() === 0);
  });

  test("that is plain and too large is cut, an endless stream's text as well", async () => {
    for (const type of ["application/json", "text/event-stream; charset=utf-8"]) {
      const server = await serve((_request, response) => {
        response.writeHead(200, { "content-type": type });
        const fill = () => {
          while (!response.destroyed && response.write("x".repeat(10_000)));
        };
        response.on("drain", fill);
        fill();
      });
      const caller = callerOf(server, { limits: { responseBytesMax: 100_000 } });
      const error = await errorOf(caller.get().then((answer) => answer.text()));
      expect([type, error.code]).toEqual([type, "bad_upstream_response"]);
      await until("the connection is closed", () => server.open() === 0);
    }
  });

  test("F8 of an event stream has no bound as a whole, packed or not", async () => {
    const part = ": comment\n\n".repeat(10_000);
    for (const packed of [false, true]) {
      const server = await serve((_request, response) => {
        response.writeHead(200, {
          "content-type": "text/event-stream",
          ...(packed ? { "content-encoding": "gzip" } : {}),
        });
        const whole = new TextEncoder().encode(part.repeat(3));
        response.end(packed ? gzipSync(whole) : whole);
      });
      const caller = callerOf(server, { limits: { responseBytesMax: part.length } });
      let length = 0;
      for await (const chunk of (await caller.get()).body) length += chunk.length;
      expect(length).toBe(part.length * 3);
    }
  });
});

describe("F2 a server that redirects", () => {
  test("to a private address of another origin is not followed, however it spells it", async () => {
    const inner = await serve((_request, response) => response.end("secret"));
    const port = inner.port;
    const targets = [
      `http://localhost:${port}/`,
      `http://127.1:${port}/`,
      `http://0x7f.1:${port}/`,
      `http://2130706433:${port}/`,
      `http://[::ffff:127.0.0.1]:${port}/`,
      `http://0.0.0.0:${port}/`,
      `http://[::]:${port}/`,
      "http://169.254.169.254/latest/meta-data/",
      "http://[fd00:ec2::254]/",
      "http://[2002:7f00:1::]/",
      "http://[64:ff9b::a00:1]/",
    ];
    for (const target of targets) {
      const server = await serve((_request, response) =>
        response.writeHead(302, { location: target }).end()
      );
      const error = await errorOf(callerOf(server).get());
      expect([target, error.code]).toEqual([target, "address_forbidden"]);
    }
    expect(inner.connections()).toBe(0);
  });

  test("gets no call repeated, not even within its origin", async () => {
    for (const status of [301, 302, 303, 307, 308]) {
      const server = await serve((request, response) => {
        if (request.url === "/mcp") response.writeHead(status, { location: "/mcp/" }).end();
        else response.end("ok");
      });
      const error = await errorOf(callerOf(server).post());
      expect([status, error.outcome, server.seen.length]).toEqual([status, "unknown", 1]);
      expect(error.message).toContain("correct its URL; whether it took effect is unknown");
    }
  });

  test("within its origin keeps a message that may be repeated, and all that belongs to it", async () => {
    const server = await serve((request, response) => {
      if (request.url === "/mcp") response.writeHead(307, { location: "/mcp/" }).end();
      else response.end("ok");
    });
    const caller = callerOf(server, { credentials: { type: "bearer", token: "token-value" } });
    const answer = await caller.post({ body: "héllo", repeatable: true });
    expect(await answer.text()).toBe("ok");
    expect(new URL(answer.url).pathname).toBe("/mcp/");
    const [first, second] = server.seen;
    expect([first?.body, second?.body]).toEqual(["héllo", "héllo"]);
    expect(second?.headers.authorization).toBe("Bearer token-value");
  });
});

describe("F6 a server that is busy", () => {
  test("is asked again, and its retry time is reported", async () => {
    const server = await serve((_request, response) =>
      response.writeHead(503, { "retry-after": new Date(Date.now() + 7_200_000).toUTCString() })
        .end("later")
    );
    const answer = await callerOf(server).get();
    expect([answer.status, server.seen.length]).toEqual([503, 1]);
    // An hour at most, however long the server says.
    expect(answer.toError("is busy").data).toMatchObject({ status: 503, retryAfterMs: 3_600_000 });
    const soon = await serve((_request, response) =>
      response.writeHead(429, { "retry-after": "0" }).end("later")
    );
    expect((await callerOf(soon).get()).status).toBe(429);
    expect(soon.seen.length).toBe(4);
  });
});
