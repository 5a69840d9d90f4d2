/** Log-ins at an OpenID provider: who gets in, and what a wrong answer of the provider leads to. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createServer, type Server } from "node:net";
import type { AddressInfo } from "node:net";
import type { OpenIdSettings } from "../../../src/oauth/login_settings.ts";
import { createTestClock, type TestClock } from "../../support/clock.ts";
import { createPagesHarness, type PagesHarness } from "../../support/oauth_pages.ts";
import type { ShownPage, TestBrowser } from "../../support/oauth_person.ts";
import {
  clientId,
  clientSecret,
  startProvider,
  type TestProvider,
} from "../../support/openid_provider.ts";

let clock: TestClock;
let provider: TestProvider;
let sink: Server;
/** Connections to what must never be reached. */
let reached: number;
let sinkPort: number;

beforeEach(async () => {
  clock = createTestClock();
  provider = await startProvider(() => clock.wall());
  reached = 0;
  sink = createServer((socket) => {
    reached += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => sink.listen(0, resolve));
  sinkPort = (sink.address() as AddressInfo).port;
});
afterEach(async () => {
  await provider.close();
  await new Promise((resolve) => sink.close(resolve));
});

const settings = (changes: Partial<OpenIdSettings> = {}): OpenIdSettings => ({
  issuer: provider.issuer,
  clientId,
  clientSecret,
  scopes: ["openid", "email"],
  claims: { id: "sub", groups: "groups", roles: "roles" },
  allow: "*",
  ...changes,
});

const open = (changes?: Partial<OpenIdSettings>) =>
  createPagesHarness({ clock, openid: settings(changes) });

/** Goes to the provider; the URL at which the browser leaves the gateway, or the page it stays on. */
async function begin(harness: PagesHarness, browser: TestBrowser): Promise<ShownPage> {
  const login = await browser.open(harness.ask());
  const [, path = ""] = /href="(\/oauth\/login\/openid[^"]*)"/.exec(login.html) ?? [];
  return await browser.open(`http://localhost:8999${path}`);
}

/** The whole log-in, as a person sees its last page. */
async function logIn(harness: PagesHarness, browser = harness.browser()): Promise<ShownPage> {
  const left = await begin(harness, browser);
  return left.leavesTo === undefined ? left : await browser.open(provider.answer(left.leavesTo));
}

describe("a person of the provider", () => {
  test("logs in and allows; name, roles and groups are those of the claims", async () => {
    provider.choices.claims = { groups: ["staff", 7, ""], roles: "admin" };
    const harness = await open();
    const browser = harness.browser();
    const consent = await logIn(harness, browser);
    expect(consent.html).toContain('value="allow"');
    await browser.submit(consent, { decision: "allow" });
    const name = `${new URL(provider.issuer).host}#42`;
    expect(harness.decisions.map(({ person }) => person))
      .toEqual([{ name, roles: ["admin"], groups: ["staff"] }]);
  });

  test("leaves with code, PKCE, state and nonce, and without the secret", async () => {
    const harness = await open();
    const { leavesTo = "" } = await begin(harness, harness.browser());
    const { origin, searchParams } = new URL(leavesTo);
    expect(origin).toBe(provider.issuer);
    expect(Object.fromEntries(searchParams)).toMatchObject({
      response_type: "code",
      client_id: clientId,
      redirect_uri: "http://localhost:8999/oauth/login/openid/callback",
      scope: "openid email",
      code_challenge_method: "S256",
    });
    for (const name of ["state", "nonce", "code_challenge"]) {
      expect(searchParams.get(name)?.length).toBeGreaterThanOrEqual(43);
    }
    expect(leavesTo).not.toContain(clientSecret);
  });

  test("gets in only where a list names the person; addresses count when they are verified", async () => {
    const email = { email: "Ann@Example.com" };
    const verified = { ...email, email_verified: true };
    const lists = { ids: [], emails: [], domains: [], groups: [] };
    const rows = [
      [{ ...lists, ids: ["42"] }, {}, true],
      [{ ...lists, ids: ["43"] }, {}, false],
      [{ ...lists, emails: ["ann@example.com"] }, verified, true],
      [{ ...lists, emails: ["ann@example.com"] }, email, false],
      [{ ...lists, emails: ["ann@example.com"] }, { ...email, email_verified: "true" }, false],
      [{ ...lists, domains: ["example.com"] }, verified, true],
      [{ ...lists, domains: ["example.com"] }, {
        email: "ann@example.com.evil.example",
        email_verified: true,
      }, false],
      [{ ...lists, groups: ["staff"] }, { groups: ["staff"] }, true],
      [{ ...lists, groups: ["staff"] }, { groups: ["other"] }, false],
    ] as const;
    for (const [allow, claims, isIn] of rows) {
      provider.choices.claims = claims;
      const page = await logIn(await open({ allow }));
      expect([allow, claims, page.html.includes('value="allow"')]).toEqual([allow, claims, isIn]);
    }
  });

  test("is never one of the gateway's own users, whatever the claim says", async () => {
    provider.choices.claims = { sub: "ann" };
    const harness = await open();
    const browser = harness.browser();
    await browser.submit(await logIn(harness, browser), { decision: "allow" });
    expect(harness.decisions[0]?.person?.name).toBe(`${new URL(provider.issuer).host}#ann`);
    await expect(harness.people.users.add("x#ann", { roles: [], groups: [] })).rejects.toThrow(
      "Cannot use user name",
    );
  });

  test("with an unverified address as name, or no name at all, is refused", async () => {
    for (const claims of [{ email: "a@b.example" }, {}, { email: "", email_verified: true }]) {
      provider.choices.claims = claims;
      const page = await logIn(await open({ claims: { id: "email" } }));
      expect([page.status, page.html.includes("may not use this gateway")]).toEqual([403, true]);
    }
  });
});

describe("a wrong answer", () => {
  const rows: readonly (readonly [string, () => void])[] = [
    ["of another issuer in the metadata", () => {
      provider.choices.metadata = { issuer: "https://other.example" };
    }],
    ["of another issuer in the response", () => {
      provider.choices.response = { iss: "https://other.example" };
    }],
    ["with a state of another log-in", () => {
      provider.choices.response = { state: "x".repeat(43) };
    }],
    ["with an error", () => {
      provider.choices.response = { error: "access_denied", error_description: "<b>no</b>" };
    }],
    ["with an ID token of another issuer", () => {
      provider.choices.claims = { iss: "https://other.example" };
    }],
    ["with an ID token for another client", () => {
      provider.choices.claims = { aud: "other" };
    }],
    ["with an ID token for several clients and another party", () => {
      provider.choices.claims = { aud: [clientId, "other"], azp: "other" };
    }],
    ["with another nonce", () => {
      provider.choices.claims = { nonce: "other" };
    }],
    ["without a nonce", () => {
      provider.choices.claims = { nonce: undefined };
    }],
    ["with an ID token that expired", () => {
      provider.choices.claims = { exp: Math.floor(clock.wall() / 1_000) - 600 };
    }],
    ["with a forged signature", () => {
      provider.choices.isForged = true;
    }],
    ["without a subject", () => {
      provider.choices.claims = { sub: undefined };
    }],
  ];
  for (const [words, make] of rows) {
    test(`${words} logs no one in, and quotes nothing`, async () => {
      make();
      const harness = await open();
      const page = await logIn(harness);
      expect(page.status).toBe(403);
      expect(page.html).toContain('role="alert"');
      expect(page.html).not.toMatch(/<b>|other\.example|secret/);
      expect(page.html).not.toContain('value="allow"');
    });
  }

  test("that comes twice, late, or in another browser logs no one in", async () => {
    const harness = await open();
    const [browser, other] = [harness.browser(), harness.browser()];
    const left = await begin(harness, browser);
    const back = provider.answer(left.leavesTo ?? "");
    expect((await other.open(back)).status).toBe(403);
    expect((await browser.open(back)).html).toContain('value="allow"');
    expect((await browser.open(back)).status).toBe(403);
    const slow = await begin(harness, other);
    clock.advance(600_000);
    expect((await other.open(provider.answer(slow.leavesTo ?? ""))).status).toBe(403);
  });
});

describe("what the metadata names", () => {
  test(
    "is not requested at a private address, in whatever spelling, nor by a redirect",
    async () => {
      const hosts = [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "localhost.",
        "10.0.0.1",
        "169.254.169.254",
        "[fe80::1]",
        "[fd00::1]",
      ];
      const urls = hosts.flatMap((
        host,
      ) => [`https://${host}:${sinkPort}/x`, `http://${host}:${sinkPort}/x`]);
      for (const url of [...urls, `https://user:x@127.0.0.1:${sinkPort}/`, "file:///etc/passwd"]) {
        for (const member of ["token_endpoint", "jwks_uri"]) {
          provider.choices.metadata = { [member]: url };
          const page = await logIn(await open());
          expect([member, url, page.status, reached]).toEqual([member, url, 403, 0]);
        }
      }
      provider.choices.metadata = {};
      for (const url of [`http://127.0.0.1:${sinkPort}/`, `https://localhost:${sinkPort}/`]) {
        provider.choices.tokenRedirect = url;
        expect([(await logIn(await open())).status, reached]).toEqual([403, 0]);
      }
    },
    60_000,
  );

  test("cannot make the browser go to a scheme of its own", async () => {
    for (const url of ["javascript:alert(1)", "data:text/html,x", "ftp://x.example/"]) {
      provider.choices.metadata = { authorization_endpoint: url };
      const harness = await open();
      const page = await begin(harness, harness.browser());
      expect([url, page.status, page.leavesTo]).toEqual([url, 403, undefined]);
    }
  });
});
