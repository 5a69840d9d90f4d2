/** Which requests the listener accepts, and what it answers to browsers (B3 to B7). */
import { describe, expect, test } from "bun:test";
import {
  createHarness,
  errorOf,
  framesOf,
  initialize,
  jsonHeaders,
} from "../../support/http_harness.ts";

const routes: readonly (readonly [string, string])[] = [
  ["POST", "/mcp"],
  ["GET", "/mcp"],
  ["DELETE", "/mcp"],
  ["OPTIONS", "/mcp"],
  ["GET", "/sse"],
  ["POST", "/messages?sessionId=x"],
  ["GET", "/servers/files/sse"],
  ["POST", "/servers/files/mcp"],
  ["GET", "/health"],
  ["GET", "/ready"],
  ["GET", "/"],
  ["GET", "/nowhere"],
];

describe("the gateway's own requests", () => {
  test("are refused on every route and by every name", async () => {
    const { send } = createHarness();
    for (const [method, path] of routes) {
      for (const host of ["localhost:8999", "gateway.example.com"]) {
        const headers = { host, "mcp-wrapper-instance": "this-gateway" };
        expect((await send(method, path, { headers })).status).toBe(508);
      }
    }
  });

  test("are not those of another gateway", async () => {
    const { send } = createHarness();
    const headers = { "mcp-wrapper-instance": "another-gateway" };
    expect((await send("GET", "/health", { headers })).status).toBe(200);
  });
});

describe("hosts", () => {
  test("get the same verdict the second time, also after a flood of others", async () => {
    const { send } = createHarness();
    const names = ["localhost:8999", "LOCALHOST:8999", "127.0.0.1:8999", "evil.com", "a b", ""];
    const flood = Array.from({ length: 200 }, (_, at) => `127.0.0.${at}:8999`);
    const verdicts = async () => {
      const found: unknown[] = [];
      for (const host of names) {
        const accept = `application/json;q=${host.length % 2}`;
        const { status } = await send("GET", "/health", { headers: { host } });
        const post = await send("POST", "/mcp", { headers: { ...jsonHeaders, host, accept } });
        found.push([host, status, post.status]);
      }
      return found;
    };
    const first = await verdicts();
    expect(first.map((one) => (one as unknown[])[1])).toEqual([200, 200, 200, 403, 400, 400]);
    for (const host of flood) await send("GET", "/health", { headers: { host } });
    expect(await verdicts()).toEqual(first);
  });

  test("B3 a foreign Host is refused on every route and method", async () => {
    const { send } = createHarness();
    const hosts = [
      "evil.com",
      "evil.com:8999",
      "localhost.evil.com:8999",
      "127.1:8999",
      "localhost:9000",
      "localhost",
      "[::2]:8999",
      "0.0.0.0:8999",
    ];
    for (const [method, path] of routes) {
      for (const host of hosts) {
        const response = await send(method, path, { headers: { host } });
        expect([method, path, host, response.status]).toEqual([method, path, host, 403]);
      }
    }
  });

  test("B3 a missing, doubled or malformed Host is refused as malformed", async () => {
    const { send, handler } = createHarness();
    const hosts = ["a b/c", "localhost:8999, evil.com", "user@localhost:8999", "localhost:x", ""];
    for (const host of hosts) {
      const response = await send("POST", "/mcp", { headers: { host } });
      expect([host, (await errorOf(response)).status]).toEqual([host, 400]);
    }
    const bare = await handler.fetch(new Request("http://localhost:8999/health"));
    expect(bare.status).toBe(400);
  });

  test("B3 the target's authority is checked as well as the Host", async () => {
    const { handler } = createHarness();
    const headers = { host: "localhost:8999" };
    const response = await handler.fetch(new Request("http://evil.com/health", { headers }));
    expect(response.status).toBe(403);
  });

  test("B3 own loopback names pass, in any case of letters", async () => {
    const { send } = createHarness();
    for (const host of ["localhost:8999", "127.0.0.1:8999", "[::1]:8999", "LOCALHOST:8999"]) {
      expect([host, (await send("GET", "/health", { headers: { host } })).status])
        .toEqual([host, 200]);
    }
  });

  test("listed hosts and the public URL's pass, with the port that was listed or any", async () => {
    const { send } = createHarness({
      config: {
        allowedHosts: ["gate.local", "box.local:81"],
        publicUrl: "https://mcp.example.com/",
      },
    });
    const status = async (host: string) =>
      (await send("GET", "/health", { headers: { host } })).status;
    expect(await status("gate.local:1234")).toBe(200);
    expect(await status("box.local:81")).toBe(200);
    expect(await status("box.local:82")).toBe(403);
    expect(await status("mcp.example.com")).toBe(200);
    expect(await status("mcp.example.com:8080")).toBe(403);
  });

  test("a public URL's host passes with its port and, as some proxies send it, without", async () => {
    const { send } = createHarness({ config: { publicUrl: "https://mcp.example.com:8443" } });
    const status = async (host: string) =>
      (await send("GET", "/health", { headers: { host } })).status;
    expect(await status("mcp.example.com:8443")).toBe(200);
    expect(await status("mcp.example.com")).toBe(200);
    for (const host of ["mcp.example.com:443", "mcp.example.com:8080", "example.com"]) {
      expect([host, await status(host)]).toEqual([host, 403]);
    }
  });
});

describe("hosts where other machines can reach the gateway", () => {
  const config = { host: "0.0.0.0", allowedHosts: ["gate.local"] };

  test("B3 a probe may name the machine by each of its own addresses, with any port", async () => {
    const addresses = ["127.0.0.1", "172.17.0.2", "::1", "fd00:0:0:0::2"];
    const { send } = createHarness({ config, addresses });
    for (const host of ["172.17.0.2:8999", "172.17.0.2", "127.0.0.1:9000", "[fd00::2]:80"]) {
      expect([host, (await send("GET", "/health", { headers: { host } })).status])
        .toEqual([host, 200]);
    }
  });

  test("B3 names and foreign addresses are still refused", async () => {
    const { send } = createHarness({ config, addresses: ["127.0.0.1", "172.17.0.2"] });
    const hosts = [
      "evil.com:8999",
      "172.17.0.2.evil.com:8999",
      "172.17.0.3:8999",
      "172.17.2:8999",
      "172.017.0.2:8999",
      "0.0.0.0:8999",
      "localhost:9000",
      "[::ffff:172.17.0.2]:8999",
    ];
    for (const [method, path] of routes) {
      for (const host of hosts) {
        const response = await send(method, path, { headers: { host } });
        expect([method, path, host, response.status]).toEqual([method, path, host, 403]);
      }
    }
  });

  test("B4 an own address is not an allowed Origin", async () => {
    const { send } = createHarness({ config, addresses: ["172.17.0.2"] });
    const headers = { host: "172.17.0.2:8999", origin: "http://172.17.0.2:8999" };
    expect((await send("GET", "/health", { headers })).status).toBe(403);
  });

  test("B3 a network that is attached later is known a few seconds later, without a restart", async () => {
    const addresses = ["127.0.0.1"];
    const { send, clock } = createHarness({ config, addresses });
    const status = async () =>
      (await send("GET", "/health", { headers: { host: "10.1.2.3:8999" } })).status;
    expect(await status()).toBe(403);
    addresses.push("10.1.2.3");
    clock.advance(5_000);
    expect(await status()).toBe(200);
  });

  test("B3 on localhost the machine's other addresses are refused", async () => {
    const { send } = createHarness({ addresses: ["172.17.0.2"] });
    const response = await send("GET", "/health", { headers: { host: "172.17.0.2:8999" } });
    expect(response.status).toBe(403);
  });
});

describe("origins", () => {
  test("B4 a foreign Origin is refused on every route and method", async () => {
    const { send } = createHarness();
    const origins = [
      "http://evil.com",
      "null",
      "http://localhost:8999, http://evil.com",
      "http://user@localhost:8999",
      "http://localhost.evil:8999",
      "http://localhost",
      "http://localhost:9000",
      "https://localhost:8999",
      "",
    ];
    for (const [method, path] of routes) {
      for (const origin of origins) {
        const response = await send(method, path, { headers: { origin } });
        expect([method, path, origin, response.status]).toEqual([method, path, origin, 403]);
        expect(response.headers.get("access-control-allow-origin")).toBe(null);
      }
    }
  });

  test("B4 no Origin, own ones and listed ones pass", async () => {
    const { send } = createHarness({ config: { allowedOrigins: ["https://app.example.com/"] } });
    for (
      const origin of ["http://localhost:8999", "http://[::1]:8999", "https://app.example.com"]
    ) {
      const response = await send("GET", "/health", { headers: { origin } });
      expect([origin, response.status]).toEqual([origin, 200]);
    }
    expect((await send("GET", "/health")).status).toBe(200);
  });

  test("B5 a preflight of a listed origin is answered with exactly that origin", async () => {
    const { send } = createHarness({ config: { allowedOrigins: ["https://app.example.com"] } });
    const response = await send("OPTIONS", "/mcp", {
      headers: {
        origin: "https://app.example.com",
        "access-control-request-method": "POST",
        "access-control-request-headers": "mcp-session-id",
      },
    });
    expect(response.status).toBe(204);
    const { headers } = response;
    expect(headers.get("access-control-allow-origin")).toBe("https://app.example.com");
    expect(headers.get("vary")).toBe("Origin");
    expect(headers.get("access-control-allow-methods")).toContain("DELETE");
    for (const name of ["mcp-session-id", "mcp-protocol-version", "last-event-id", "accept"]) {
      expect(headers.get("access-control-allow-headers")).toContain(name);
    }
    expect(headers.get("access-control-allow-credentials")).toBe(null);
  });

  test("B5 answers to a listed origin expose the session id and when to retry, refusals included", async () => {
    const { send } = createHarness({ config: { allowedOrigins: ["https://app.example.com"] } });
    const headers = { ...jsonHeaders, origin: "https://app.example.com" };
    const good = await send("POST", "/mcp", { headers, body: initialize("2025-06-18") });
    const bad = await send("GET", "/mcp", { headers });
    expect([good.status, bad.status]).toEqual([200, 400]);
    for (const response of [good, bad]) {
      expect(response.headers.get("access-control-allow-origin")).toBe("https://app.example.com");
      expect(response.headers.get("access-control-expose-headers"))
        .toBe("Mcp-Session-Id, WWW-Authenticate, Retry-After");
    }
  });
});

describe("requests", () => {
  test("B6 a body that a web page may send without a preflight is refused", async () => {
    const { send, gateway } = createHarness();
    const types = [
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data; boundary=x",
      "application/jsonp",
      "application/json; charset=utf-16",
    ];
    for (const type of types) {
      const headers = { ...jsonHeaders, "content-type": type };
      const response = await send("POST", "/mcp", { headers, body: initialize("2025-06-18") });
      expect([type, (await errorOf(response)).status]).toEqual([type, 415]);
    }
    expect(gateway.watches.size).toBe(0);
    const headers = { ...jsonHeaders, "content-type": 'Application/JSON; charset="UTF-8"' };
    const good = await send("POST", "/mcp", { headers, body: initialize("2025-06-18") });
    expect(good.status).toBe(200);
  });

  test("B7 a POST is refused only when it accepts neither JSON nor a stream", async () => {
    const { send } = createHarness();
    const status = async (accept: string): Promise<number> => {
      const headers = { ...jsonHeaders, accept };
      return (await send("POST", "/mcp", { headers, body: initialize("2025-06-18") })).status;
    };
    for (const accept of ["*/*", "application/json", "text/event-stream", "text/*", "a/b, */*"]) {
      expect([accept, await status(accept)]).toEqual([accept, 200]);
    }
    for (const accept of ["text/html", "application/json;q=0", "image/*", "*/*;q=0"]) {
      expect([accept, await status(accept)]).toEqual([accept, 406]);
    }
  });

  test("B7 a GET that accepts no stream is refused", async () => {
    const { connect } = createHarness();
    const session = await connect();
    for (const accept of ["application/json", "text/event-stream;q=0, */*"]) {
      expect((await session.get({ accept })).status).toBe(406);
    }
    for (const accept of ["*/*", "text/event-stream"]) {
      expect((await session.get({ accept })).status).toBe(200);
    }
  });

  test("B7 other methods get the list of allowed ones", async () => {
    const { send } = createHarness();
    const cases = [
      ["PUT", "/mcp", "POST, GET, DELETE, OPTIONS"],
      ["HEAD", "/mcp", "POST, GET, DELETE, OPTIONS"],
      ["POST", "/sse", "GET, OPTIONS"],
      ["GET", "/messages", "POST, OPTIONS"],
      ["POST", "/health", "GET, HEAD, OPTIONS"],
      ["POST", "/", "GET, HEAD, OPTIONS"],
    ] as const;
    for (const [method, path, allow] of cases) {
      const response = await send(method, path);
      expect([response.status, response.headers.get("allow")]).toEqual([405, allow]);
    }
  });

  test("one slash at the end of a URL changes nothing", async () => {
    const { send, connect } = createHarness();
    for (const path of ["/mcp", "/servers/files/mcp", "/servers/files/streamable"]) {
      const response = await send("POST", `${path}/`, {
        headers: jsonHeaders,
        body: initialize("2025-06-18"),
      });
      expect([path, response.status]).toEqual([path, 200]);
      expect((await connect({ path: `${path}/` })).result).toMatchObject({ serverInfo: {} });
    }
    for (const path of ["/health/", "/ready/"]) expect((await send("GET", path)).status).toBe(200);
    for (const path of ["/sse", "/servers/files/sse"]) {
      const headers = { accept: "text/event-stream" };
      const stream = framesOf(await send("GET", `${path}/`, { headers }));
      expect((await stream.next())?.data).toMatch(
        new RegExp(`^${path.replace("sse", "messages")}[?]sessionId=`),
      );
      await stream.cancel();
    }
  });

  test("B7 no other spelling of a path is a route", async () => {
    const { send } = createHarness();
    const paths = [
      "//",
      "//mcp",
      "//mcp/",
      "/mcp//",
      "/mcp/../admin",
      "/MCP",
      "/%6dcp",
      "/mcp%2f",
      "/servers/files",
      "/servers/files/",
      "/servers/files/mcp//",
      "/servers/files%2Fmcp/mcp",
      "/servers/missing/mcp",
      "/servers/%ff/mcp",
      "/servers/__proto__/mcp",
    ];
    for (const path of paths) {
      const response = await send("POST", path, {
        headers: jsonHeaders,
        body: initialize("2025-06-18"),
      });
      expect([path, (await errorOf(response)).status]).toEqual([path, 404]);
    }
  });
});
