/**
 * Outgoing HTTP of the platform: the same contract on Bun and on Deno, against servers that
 * misbehave.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import type { OutgoingRequest, RequestFault, Runtime } from "../../src/runtime/runtime.ts";
import { localhostTls, otherTls, testAuthority } from "../support/certificates.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { type FaultServer, serveBytes, serveFaults } from "../support/fault_server.ts";
import { freePort } from "../support/free_port.ts";
import { programCommand, thisRuntime } from "../support/spawn_gateway.ts";
import { until } from "../support/wait.ts";

const runtime: Runtime = await createTestRuntime();
const servers: FaultServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

const plain: typeof serveFaults = async (...args) => keep(await serveFaults(...args));
const bytes: typeof serveBytes = async (...args) => keep(await serveBytes(...args));
const keep = (server: FaultServer): FaultServer => {
  servers.push(server);
  return server;
};

function send(url: string, more: Partial<OutgoingRequest> = {}) {
  return runtime.request({
    url,
    method: "GET",
    headers: {},
    signal: new AbortController().signal,
    connectMs: 5_000,
    allowAddress: () => true,
    ...more,
  });
}

async function sendForText(url: string, more: Partial<OutgoingRequest> = {}): Promise<string> {
  return await new Response((await send(url, more)).body).text();
}

/** The fault of a request that must not succeed. */
async function failOf(work: Promise<unknown>): Promise<RequestFault> {
  return await work.then(
    () => Promise.reject(new Error("It went well")),
    (thrown: RequestFault) => thrown,
  );
}

const hasIpv6 = await new Promise<boolean>((resolve) => {
  const server = createServer();
  server.once("error", () => resolve(false));
  server.listen(0, "::1", () => server.close(() => resolve(true)));
});

describe("an outgoing request", () => {
  test("sends its method, target, headers and body as they are", async () => {
    const server = await plain((_request, response) => response.end("ok"));
    const text = await sendForText(`${server.origin}/a%2fb/../c?q=1&q=%20#part`, {
      method: "POST",
      headers: { "x-one": "1", "content-type": "application/json" },
      body: "héllo",
    });
    expect(text).toBe("ok");
    const [seen] = server.seen;
    expect([seen?.method, seen?.url, seen?.body]).toEqual(["POST", "/c?q=1&q=%20", "héllo"]);
    expect(seen?.headers).toMatchObject({
      "x-one": "1",
      "content-type": "application/json",
      "content-length": "6",
      host: `127.0.0.1:${server.port}`,
    });
  });

  test("returns the head and the body of an answer, whatever its status", async () => {
    const server = await plain((request, response) => {
      const status = Number(request.url?.slice(1));
      response.writeHead(status, { "x-seen": "1", "set-cookie": ["a=1", "b=2"] });
      response.end(status === 204 ? undefined : `answer ${status}`);
    });
    for (const status of [200, 204, 401, 404, 500]) {
      const response = await send(`${server.origin}/${status}`);
      expect(response.status).toBe(status);
      expect(response.headers.get("x-seen")).toBe("1");
      expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
      const text = await new Response(response.body).text();
      expect(text).toBe(status === 204 ? "" : `answer ${status}`);
    }
  });

  test("F2 follows no redirect", async () => {
    const server = await plain((_request, response) =>
      response.writeHead(307, { location: "/next" }).end()
    );
    const response = await send(`${server.origin}/`, { method: "POST", body: "x" });
    expect([response.status, response.headers.get("location")]).toEqual([307, "/next"]);
    await response.body.cancel();
    expect(server.seen.length).toBe(1);
  });

  test("F4 decodes no compression", async () => {
    const packed = gzipSync("hello");
    const server = await plain((_request, response) =>
      response.writeHead(200, { "content-encoding": "gzip" }).end(packed)
    );
    const response = await send(server.origin);
    const raw = new Uint8Array(await new Response(response.body).arrayBuffer());
    expect([...raw]).toEqual([...packed]);
    expect(response.headers.get("content-encoding")).toBe("gzip");
  });

  test("passes on each part of a body as it arrives", async () => {
    let write: (text: string) => void = () => {};
    let end = () => {};
    const server = await plain((_request, response) => {
      write = (text) => void response.write(text);
      end = () => void response.end();
      response.flushHeaders();
    });
    const response = await send(server.origin);
    const reader = response.body.getReader();
    for (const part of ["one", "two"]) {
      write(part);
      expect(new TextDecoder().decode((await reader.read()).value)).toBe(part);
    }
    end();
    expect((await reader.read()).done).toBe(true);
  });

  test("slows down a server that sends faster than the reader reads", async () => {
    let sent = 0;
    let stalled = false;
    const part = new Uint8Array(64 * 1024);
    const partsMax = 1_600;
    const server = await plain((_request, response) => {
      const fill = () => {
        stalled = false;
        while (sent < partsMax) {
          sent += 1;
          if (!response.write(part)) {
            stalled = true;
            response.once("drain", fill);
            return;
          }
        }
        response.end();
      };
      fill();
    });
    const response = await send(server.origin);
    let before = -1;
    await until("the server waits", () => {
      const same = stalled && sent === before;
      before = sent;
      return same;
    });
    expect(sent).toBeLessThan(partsMax / 2);
    let length = 0;
    for await (const chunk of response.body) length += chunk.length;
    expect(length).toBe(partsMax * part.length);
  });

  test("keeps its connection for the next one, and closes it when it is unused", async () => {
    const server = await plain((_request, response) => response.end("ok"));
    for (let count = 0; count < 5; count += 1) await sendForText(server.origin);
    expect(server.connections()).toBe(1);
    await until("the idle connection is closed", () => server.open() === 0);
  });

  for (const end of ["server", "client"] as const) {
    test(`is made once if the ${end} closes its kept connection before the answer`, async () => {
      const leaving = new AbortController();
      const server = await plain((request, response) => {
        if (request.url !== "/last") response.end("ok");
        else if (end === "server") request.socket.destroy();
        else leaving.abort();
      });
      await sendForText(server.origin);
      const last = { method: "POST", body: "x", signal: leaving.signal };
      const fault = await failOf(send(`${server.origin}/last`, last));
      expect([fault.kind, fault.sent]).toEqual([end === "server" ? "broken" : "aborted", true]);
      // A second one would have come before this.
      await sendForText(`${server.origin}/after`);
      expect(server.seen.map(({ url }) => url)).toEqual(["/", "/last", "/after"]);
    });
  }

  test("many run at the same time", async () => {
    const server = await plain((request, response) => response.end(request.url));
    const texts = await Promise.all(
      Array.from({ length: 50 }, (_, index) => sendForText(`${server.origin}/${index}`)),
    );
    expect(texts).toEqual(Array.from({ length: 50 }, (_, index) => `/${index}`));
  });

  test.skipIf(!hasIpv6)("reaches IPv6 addresses", async () => {
    const server = keep(
      await serveFaults((_request, response) => response.end("six"), { hostname: "::1" }),
    );
    expect(await sendForText(`http://[::1]:${server.port}/`)).toBe("six");
    expect(server.seen[0]?.headers.host).toBe(`[::1]:${server.port}`);
  });

  test("tries the next address of a name if one does not answer", async () => {
    // No server listens on ::1, which localhost may stand for as well.
    const server = await plain((_request, response) => response.end("ok"));
    expect(await sendForText(`http://localhost:${server.port}/`)).toBe("ok");
  });
});

describe("the address of an outgoing request", () => {
  test("F3 is checked, and the checked address is the one used", async () => {
    const server = await plain((_request, response) => response.end("ok"));
    const asked: string[] = [];
    const url = `http://localhost:${server.port}/`;
    const text = await sendForText(url, {
      allowAddress(address) {
        asked.push(address);
        return address === "127.0.0.1";
      },
    });
    expect(text).toBe("ok");
    expect(asked).toContain("127.0.0.1");
    expect(server.seen[0]?.headers.host).toBe(`localhost:${server.port}`);
  });

  test("F3 is checked each time, also when a connection is kept", async () => {
    const server = await plain((_request, response) => response.end("ok"));
    const url = `http://localhost:${server.port}/`;
    await sendForText(url);
    const fault = await failOf(send(url, { allowAddress: () => false }));
    expect([fault.kind, fault.sent]).toEqual(["forbidden", false]);
    expect(server.seen.length).toBe(1);
  });

  test("F2 is seen in its plain form, however the URL spells it", async () => {
    const spellings = {
      "http://0x7f.1/": "127.0.0.1",
      "http://2130706433/": "127.0.0.1",
      "http://0177.0.0.1/": "127.0.0.1",
      "http://127.1/": "127.0.0.1",
      "http://[::ffff:10.0.0.1]/": "::ffff:a00:1",
      "http://[0:0:0:0:0:0:0:1]/": "::1",
      "http://169.254.169.254/": "169.254.169.254",
    };
    for (const [url, plainForm] of Object.entries(spellings)) {
      const asked: string[] = [];
      const fault = await failOf(send(url, {
        allowAddress(address) {
          asked.push(address);
          return false;
        },
      }));
      expect([url, fault.kind, asked]).toEqual([url, "forbidden", [plainForm]]);
    }
  });
});

describe("F1 F9 a request that fails", () => {
  test("says that the connection was refused, and that nothing was sent", async () => {
    const fault = await failOf(send(`http://127.0.0.1:${await freePort()}/`));
    expect([fault.kind, fault.sent]).toEqual(["connect", false]);
    expect(fault.message).toContain("127.0.0.1");
  });

  test("says that a name is unknown", async () => {
    const fault = await failOf(send("http://nowhere.invalid/"));
    // A machine without any name server says that it may know later.
    expect(["unknown_host", "connect"]).toContain(fault.kind);
    expect(fault.sent).toBe(false);
  });

  test("waits for a connection only as long as allowed", async () => {
    // It takes the connection and never begins TLS.
    const server = await bytes(() => {});
    const fault = await failOf(send(`https://localhost:${server.port}/`, { connectMs: 100 }));
    expect([fault.kind, fault.sent]).toEqual(["timeout", false]);
    await until("the connection is given up", () => server.open() === 0);
  });

  test("may have reached a server that closes the connection without an answer", async () => {
    const server = await bytes((socket) => socket.once("data", () => socket.destroy()));
    const fault = await failOf(send(server.origin, { method: "POST", body: "x" }));
    expect([fault.kind, fault.sent]).toEqual(["broken", true]);
  });

  test("may have reached a server that does not speak HTTP", async () => {
    const greetings = [
      "SSH-2.0-x\r\n\r\n",
      "HTTP/1.1 abc\r\n\r\n",
      "HTTP/1.1 200 OK\r\nbad\x00: 1\r\n\r\n",
    ];
    for (const greeting of greetings) {
      const server = await bytes((socket) => socket.once("data", () => socket.end(greeting)));
      const fault = await failOf(send(server.origin));
      expect([greeting, fault.kind, fault.sent]).toEqual([greeting, "broken", true]);
    }
  });

  test("F8 breaks the body when the connection is cut within it", async () => {
    const cuts = [
      "content-length: 100\r\n\r\nabc",
      "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ];
    for (const rest of cuts) {
      const server = await bytes((socket) => {
        socket.once("data", () => socket.end(`HTTP/1.1 200 OK\r\n${rest}`));
      });
      const response = await send(server.origin);
      const fault = await failOf(new Response(response.body).text());
      expect([rest, fault.kind, fault.sent]).toEqual([rest, "broken", true]);
    }
  });

  test("a body that is not read may break without harm", async () => {
    let cut = () => {};
    const server = await plain((_request, response) => {
      response.write("abc");
      cut = () => response.destroy();
    });
    const response = await send(server.origin);
    cut();
    await until("the connection is gone", () => server.open() === 0);
    const fault = await failOf(new Response(response.body).text());
    expect(fault.kind).toBe("broken");
  });
});

describe("cancelling a request", () => {
  test("before it began sends nothing", async () => {
    const server = await plain((_request, response) => response.end("ok"));
    const fault = await failOf(send(server.origin, { signal: AbortSignal.abort() }));
    expect([fault.kind, fault.sent]).toEqual(["aborted", false]);
    expect(server.connections()).toBe(0);
  });

  test("while it connects ends the connection", async () => {
    const server = await bytes(() => {});
    const giving = new AbortController();
    const work = failOf(send(`https://localhost:${server.port}/`, { signal: giving.signal }));
    await until("it is connected", () => server.open() === 1);
    giving.abort();
    const fault = await work;
    expect([fault.kind, fault.sent]).toEqual(["aborted", false]);
    await until("the connection is closed", () => server.open() === 0);
  });

  test("while it waits for the answer, and says that it was sent", async () => {
    const server = await plain(() => {});
    const giving = new AbortController();
    const work = failOf(send(server.origin, { signal: giving.signal }));
    await until("it came", () => server.seen.length === 1);
    giving.abort();
    const fault = await work;
    expect([fault.kind, fault.sent]).toEqual(["aborted", true]);
    await until("the connection is closed", () => server.open() === 0);
  });

  test("within the body works by the signal and by cancelling the body", async () => {
    for (const bySignal of [true, false]) {
      const server = await plain((_request, response) => void response.write("abc"));
      const giving = new AbortController();
      const response = await send(server.origin, { signal: giving.signal });
      const reader = response.body.getReader();
      await reader.read();
      if (bySignal) {
        const pending = failOf(reader.read());
        giving.abort();
        expect((await pending).kind).toBe("aborted");
      } else await reader.cancel();
      await until("the connection is closed", () => server.open() === 0);
    }
  });

  test("after its end does nothing", async () => {
    const server = await plain((_request, response) => response.end("ok"));
    const giving = new AbortController();
    expect(await sendForText(server.origin, { signal: giving.signal })).toBe("ok");
    giving.abort();
    expect(await sendForText(server.origin)).toBe("ok");
    expect(server.connections()).toBe(1);
  });
});

describe("F7 a request over TLS", () => {
  const execute = promisify(execFile);

  /** The outcome in a process of its own that trusts the tests' authority. */
  async function sendTrusting(url: string): Promise<unknown> {
    const folder = mkdtempSync(join(tmpdir(), "request-"));
    try {
      const authority = join(folder, "authority.pem");
      writeFileSync(authority, testAuthority);
      const { command, args } = programCommand("test/support/request_once.ts", [url], thisRuntime);
      const { stdout } = await execute(command, args, {
        env: { ...process.env, NODE_EXTRA_CA_CERTS: authority },
      });
      return JSON.parse(stdout);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  test("reaches a server whose name and certificate authority are right", async () => {
    const server = await plain((_request, response) => response.end("ok"), { tls: localhostTls });
    expect(await sendTrusting(server.origin)).toEqual({ status: 200, text: "ok" });
    expect(server.seen[0]?.headers.host).toBe(`localhost:${server.port}`);
  });

  test("sends nothing to a server of another name", async () => {
    const server = await plain((_request, response) => response.end("ok"), { tls: otherTls });
    expect(await sendTrusting(server.origin)).toEqual({ kind: "tls", sent: false });
    expect(server.seen).toEqual([]);
  });

  test("sends nothing to a server whose certificate authority is unknown", async () => {
    const server = await plain((_request, response) => response.end("ok"), { tls: localhostTls });
    const fault = await failOf(send(server.origin, { method: "POST", body: "secret" }));
    expect([fault.kind, fault.sent]).toEqual(["tls", false]);
    expect(server.seen).toEqual([]);
  });

  test("sends nothing to a server that speaks plain text", async () => {
    const server = await plain((_request, response) => response.end("ok"));
    const fault = await failOf(send(`https://localhost:${server.port}/`));
    expect([fault.kind, fault.sent]).toEqual(["tls", false]);
    expect(server.seen).toEqual([]);
  });
});
