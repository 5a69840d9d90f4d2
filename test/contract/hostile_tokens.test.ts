/**
 * Token endpoints and registrations of hostile authorization servers, and servers that are never
 * content: no grant comes of it, no secret goes elsewhere, and the requests are bounded.
 */
import { afterEach, describe, expect, test } from "bun:test";
import {
  backFrom,
  gatewayUrl,
  goodToken,
  type HostileGateway,
  type IssuerAnswer,
  issuerUrl,
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

/** The same after a log-in. */
async function startGranted(): Promise<HostileGateway> {
  const gateway = await start();
  expect((await gateway.logIn()).status).toBe(200);
  expect(textIn(await gateway.call())).toBe("the file");
  return gateway;
}

async function needsLogIn({ call }: HostileGateway): Promise<void> {
  expect((await call()).error?.data).toMatchObject({ reason: "login_required", server: "files" });
}

afterEach(async () => {
  for (const gateway of opened.splice(0)) await gateway.close();
});

const text = (body: string, type = "application/json") => () =>
  new Response(body, { headers: { "content-type": type } });

/** Token endpoints that give nothing that may be used. */
const badTokens: Readonly<Record<string, IssuerAnswer>> = {
  "redirects the code elsewhere": () =>
    new Response(null, { status: 307, headers: { location: "https://other.example/token" } }),
  "redirects the code to another path": () =>
    new Response(null, { status: 307, headers: { location: `${issuerUrl}/elsewhere` } }),
  "redirects by a page": () =>
    new Response(null, { status: 302, headers: { location: `${issuerUrl}/elsewhere` } }),
  "hangs": () => "hang",
  "breaks the connection": () => "cut",
  "answers HTML": text("<h1>words of a stranger</h1>", "text/html"),
  "answers 10 MB": text(`{"access_token":"access-1","x":"${"x".repeat(10_485_760)}"}`),
  "answers broken JSON": text('{"access_token": "access-words of a stranger'),
  "answers a list": text("[1]"),
  "gives a token of type mac": () => goodToken({ token_type: "mac" }),
  "gives no token": () => goodToken({ access_token: null }),
  "gives a token with a line break": () => goodToken({ access_token: "access-1\r\nx-evil: 1" }),
  "refuses in words of its own": () =>
    Response.json({ error: "<script>", error_description: "words of a stranger" }, { status: 400 }),
  "refuses with status 200": () => goodToken({ error: "invalid_grant" }),
};

describe("a token endpoint", () => {
  for (const [name, token] of Object.entries(badTokens)) {
    test(`that ${name} gives no grant`, async () => {
      const gateway = await start();
      const { world, clock, begin } = gateway;
      world.token = token;
      const { browser, page } = await begin();
      const timer = setInterval(() => name === "hangs" && clock.advance(500), 5);
      const failed = await browser.open(backFrom(page)).finally(() => clearInterval(timer));
      expect(failed.status >= 400).toBe(true);
      expect(failed.html).not.toMatch(/words of a stranger|<script|code-of-a-thief|access-/);
      // A code is sent once, and to the endpoint alone.
      const codes = world.sent.filter(({ body }) => body.includes("code-of-a-thief"));
      expect(codes.map(({ url }) => url)).toEqual([`${issuerUrl}/token`]);
      expect(world.sent.filter(({ url }) => /elsewhere|other\.example/.test(url))).toEqual([]);
      await needsLogIn(gateway);
    });
  }
});

describe("a registration", () => {
  test("of another redirect URI changes nothing of where codes go", async () => {
    const { world, begin } = await start();
    world.register = () =>
      Response.json({ client_id: "c", redirect_uris: ["https://other.example/steal"] }, {
        status: 201,
      });
    const { browser, page } = await begin();
    const own = `${gatewayUrl}/oauth/callback`;
    expect(new URL(page.leavesTo ?? "").searchParams.get("redirect_uri")).toBe(own);
    await browser.open(backFrom(page));
    expect(new URLSearchParams(world.at("/token")[0]?.body).get("redirect_uri")).toBe(own);
  });

  test("whose secret expires is replaced when it has", async () => {
    const { world, clock, logIn } = await start();
    const end = Math.floor(clock.wall() / 1_000) + 600;
    world.register = () =>
      Response.json({
        client_id: `client-${world.at("/register").length}`,
        client_secret: "a secret of ten minutes",
        client_secret_expires_at: end,
        token_endpoint_auth_method: "client_secret_basic",
      }, { status: 201 });
    for (const [person, expected] of [["ann", 1], ["ben", 1], ["cid", 2]] as const) {
      expect((await logIn({}, person)).status).toBe(200);
      expect(world.at("/register").length).toBe(expected);
      clock.advance(301_000);
    }
  });
});

describe("a refresh", () => {
  const refreshes = ({ world }: HostileGateway): URLSearchParams[] =>
    world.at("/token").map(({ body }) => new URLSearchParams(body))
      .filter((form) => form.get("grant_type") === "refresh_token");

  test("of 200 calls at the moment of expiry is one request", async () => {
    const gateway = await startGranted();
    gateway.clock.advance(3_600_001);
    // All calls wait before the answer comes.
    gateway.world.token = () => new Promise((go) => setTimeout(() => go(goodToken()), 300));
    const answers = await Promise.all(Array.from({ length: 200 }, () => gateway.call()));
    expect(new Set(answers.map(textIn))).toEqual(new Set(["the file"]));
    expect(refreshes(gateway).length).toBe(1);
  });

  for (const isReplaced of [false, true]) {
    test(`whose answer was lost is tried once more (${isReplaced ? "replaced" : "not replaced"})`, async () => {
      const gateway = await startGranted();
      const { world, clock, call } = gateway;
      let count = 0;
      world.token = () => {
        count += 1;
        if (count === 1) return "cut";
        const refused = Response.json({ error: "invalid_grant" }, { status: 400 });
        return isReplaced ? refused : goodToken();
      };
      clock.advance(3_600_001);
      if (isReplaced) await needsLogIn(gateway);
      else expect(textIn(await call())).toBe("the file");
      const [first, second, ...more] = refreshes(gateway).map((form) => form.get("refresh_token"));
      expect([second, more]).toEqual([first, []]);
      for (let again = 0; again < 3; again += 1) await call();
      expect(count).toBe(2);
    });
  }
});

describe("a server that asks for a log-in for ever", () => {
  test("gets three log-ins, each call few requests, and then a clear failure", async () => {
    const gateway = await start();
    const { world, clock, call, logIn } = gateway;
    world.refusesAll = true;
    const counts: number[] = [];
    const messageAfterWaits = async (): Promise<string> => {
      for (let again = 0; again < 5; again += 1) {
        clock.advance(5_000);
        const before = world.sent.length;
        const { error } = await call();
        counts.push(world.sent.length - before);
        const message = String(error?.message);
        if (/needs a log-in|after 3 log-ins/.test(message)) return message;
      }
      return "unavailable for ever";
    };
    for (let login = 0; login < 3; login += 1) {
      expect(await messageAfterWaits()).toContain("needs a log-in: open https://");
      expect((await logIn()).status).toBe(200);
    }
    expect(await messageAfterWaits()).toContain("still refuses requests after 3 log-ins");
    expect(Math.max(...counts)).toBeLessThan(12);
    const before = world.sent.length;
    for (let again = 0; again < 5; again += 1) await call();
    expect(world.sent.length).toBe(before);
  });
});
