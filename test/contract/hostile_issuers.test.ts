/**
 * Hostile servers and authorization servers, seen from outside: what they say leads the gateway
 * nowhere inside, makes it send no secret elsewhere, and costs a bounded number of requests.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { bytesToBase64url } from "../../src/bytes_text.ts";
import {
  backFrom,
  goodToken,
  type HostileGateway,
  issuerUrl,
  serverUrl,
  startHostileGateway,
} from "../support/hostile_issuer.ts";
import { textIn } from "../support/protected_gateway.ts";

const opened: HostileGateway[] = [];

/** A gateway in a world of its own, which ends with the test. */
async function start(): Promise<HostileGateway> {
  const gateway = await startHostileGateway();
  opened.push(gateway);
  return gateway;
}

async function needsLogIn({ call }: HostileGateway): Promise<void> {
  expect((await call()).error?.data).toMatchObject({ reason: "login_required", server: "files" });
}

afterEach(async () => {
  for (const gateway of opened.splice(0)) await gateway.close();
});

const serverOrigin = new URL(serverUrl).origin;

/** URLs that lead inside, by many spellings. */
const inside = [
  "https://127.0.0.1",
  "https://0x7f.1",
  "https://2130706433",
  "https://0177.0.0.1",
  "https://0.0.0.0",
  "https://10.1.2.3",
  "https://172.16.0.1",
  "https://192.168.0.1:8443",
  "https://100.64.0.1",
  "https://169.254.169.254",
  "https://[::1]",
  "https://[::]",
  "https://[::ffff:10.0.0.1]",
  "https://[fd00::1]",
  "https://[fe80::1]",
  "https://[64:ff9b::7f00:1]",
  "https://[2002:7f00:1::]",
  "https://localhost",
  "https://inside.example",
  "http://169.254.169.254",
  "http://127.0.0.1",
  "http://localhost",
];

describe("metadata that leads inside", () => {
  const places: Readonly<Record<string, (gateway: HostileGateway, url: string) => void>> = {
    "the challenge": ({ world }, url) =>
      void (world.challenge = `Bearer resource_metadata="${url}/.well-known/x"`),
    "the issuer": ({ world }, url) => void (world.resource = { authorization_servers: [url] }),
    "the registration endpoint": ({ world }, url) =>
      void (world.metadata = { registration_endpoint: `${url}/register` }),
    "the token endpoint": ({ world }, url) =>
      void (world.metadata = { token_endpoint: `${url}/token` }),
  };
  for (const [name, set] of Object.entries(places)) {
    test(`by ${name} is never followed, however it is spelled`, async () => {
      for (const url of inside) {
        const gateway = await start();
        const { world } = gateway;
        set(gateway, url);
        const page = await gateway.logIn();
        const origins = world.sent.map((request) => new URL(request.url).origin);
        const others = origins.filter((one) => one !== serverOrigin && one !== issuerUrl);
        expect([url, others, page.status >= 400]).toEqual([url, [], true]);
        expect(world.sent.some(({ body }) => body.includes("code-of-a-thief"))).toBe(false);
        // A URL over TLS was tried, as far as the check of its address.
        if (url.startsWith("https:")) {
          expect([url, world.turnedAway.length > 0]).toEqual([url, true]);
        }
        await needsLogIn(gateway);
        opened.pop();
        await gateway.close();
      }
    });
  }
});

describe("the server's metadata", () => {
  test("about another server's resource gets no token for it", async () => {
    const gateway = await start();
    gateway.world.resource = { resource: "https://other.example/mcp" };
    const { page } = await gateway.begin();
    expect([page.status, page.leavesTo]).toEqual([502, undefined]);
    expect(page.html).toContain("another resource");
    expect(gateway.world.at("/register")).toEqual([]);
  });

  test("with scopes of control characters asks for the proper ones alone", async () => {
    const gateway = await start();
    const { world, begin } = gateway;
    world.resource = { scopes_supported: ["a\u0000b", "x\ny", 'q"q', "é", "\u202egood", "good"] };
    const { browser, page } = await begin();
    expect(new URL(page.leavesTo ?? "").searchParams.get("scope")).toBe("good");
    world.token = () => goodToken({ scope: "good \u001b[31m<script> \u0007" });
    const done = await browser.open(backFrom(page));
    expect(done.status).toBe(200);
    // deno-lint-ignore no-control-regex
    expect(done.html).not.toMatch(/<script|[\u0000-\u0008\u000b-\u001f]/);
  });

  for (const endpoint of ["javascript:alert(1)", "data:text/html,x", "http://issuer.example/a"]) {
    test(`sends no browser to ${endpoint}`, async () => {
      const gateway = await start();
      gateway.world.metadata = { authorization_endpoint: endpoint };
      const { page } = await gateway.begin();
      expect([page.status, page.leavesTo]).toEqual([502, undefined]);
      expect(page.html).not.toContain(endpoint);
    });
  }

  test("that changes its issuer during a log-in gets no code of the first one", async () => {
    const gateway = await start();
    const { world, begin } = gateway;
    const { browser, page } = await begin();
    world.resource = { authorization_servers: ["https://other.example"] };
    world.metadata = { token_endpoint: "https://other.example/token" };
    expect((await browser.open(backFrom(page))).status).toBe(200);
    expect(world.at("/token").length).toBe(1);
    expect(world.sent.filter(({ url }) => url.startsWith("https://other."))).toEqual([]);
  });
});

describe("a challenge", () => {
  const rows: Readonly<Record<string, string>> = {
    "with 100 challenges": Array.from({ length: 100 }, (_, at) => `Bearer realm="${at}"`).join(
      ", ",
    ),
    "with 100 unclosed texts": Array.from({ length: 100 }, () => 'Bearer realm="\\').join(", "),
  };
  for (const [name, challenge] of Object.entries(rows)) {
    test(`${name} costs nothing, and the log-in goes on`, async () => {
      const gateway = await start();
      gateway.world.challenge = challenge;
      const before = performance.now();
      await needsLogIn(gateway);
      expect(performance.now() - before).toBeLessThan(5_000);
      expect((await gateway.logIn()).status).toBe(200);
      expect(textIn(await gateway.call())).toBe("the file");
    });
  }
});

describe("a challenge of a megabyte", () => {
  test("is not read, and the call fails", async () => {
    const gateway = await start();
    gateway.world.challenge = `Bearer scope="${"a ".repeat(524_288)}"`;
    const { error, text } = await gateway.call();
    expect(error?.data).toMatchObject({ reason: "upstream_unavailable", server: "files" });
    expect(text.length).toBeLessThan(1_000);
    expect(gateway.world.sent.length).toBeLessThan(8);
  });
});

describe("an answer of the authorization endpoint", () => {
  const rows: Readonly<Record<string, Readonly<Record<string, string | undefined>>>> = {
    "by another issuer": { iss: "https://other.example" },
    "without iss, which was advertised": { iss: undefined },
    "with an iss that only looks the same": { iss: `${issuerUrl}/` },
    "that is an error of another issuer": { iss: "https://other.example", error: "x" },
    "with a state of nothing": { state: "guessed" },
  };
  for (const [name, params] of Object.entries(rows)) {
    test(`${name} is not used`, async () => {
      const gateway = await start();
      const page = await gateway.logIn(params);
      expect(page.status).toBe(400);
      expect(gateway.world.at("/token")).toEqual([]);
      await needsLogIn(gateway);
    });
  }

  test("is used once", async () => {
    const gateway = await start();
    const { browser, page } = await gateway.begin();
    const url = backFrom(page);
    const statuses = [(await browser.open(url)).status, (await browser.open(url)).status];
    expect(statuses).toEqual([200, 400]);
    expect(gateway.world.at("/token").length).toBe(1);
  });

  test("redeems its code with the verifier of its own log-in", async () => {
    const { world, begin } = await start();
    const { browser, page } = await begin();
    await browser.open(backFrom(page));
    const form = new URLSearchParams(world.at("/token")[0]?.body);
    const bytes = new TextEncoder().encode(form.get("code_verifier") ?? "");
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    expect(bytesToBase64url(digest))
      .toBe(new URL(page.leavesTo ?? "").searchParams.get("code_challenge") ?? "");
    expect(form.get("resource")).toBe(serverUrl);
  });
});
