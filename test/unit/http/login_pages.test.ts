/** Pages on which people log in and allow clients, as a browser without scripts sees them. */
import { describe, expect, test } from "bun:test";
import { createPagesHarness, password } from "../../support/oauth_pages.ts";
import { followAuthorization, formsOf } from "../../support/oauth_person.ts";

const origin = "http://localhost:8999";

describe("a person who is sent by a client", () => {
  test("logs in, allows, and is back at the client with a code", async () => {
    const { ask, sendRequest, decisions } = await createPagesHarness();
    const url = await followAuthorization(ask(), { send: sendRequest, name: "ann", password });
    expect(url).toBe("https://client.example/callback?code=mcpc_x&iss=here");
    expect(decisions).toEqual([{
      id: "request-1",
      person: { name: "ann", roles: ["dev"], groups: ["team"] },
      scopes: ["mcp", "offline_access"],
    }]);
  });

  test("denies, and the client gets access_denied", async () => {
    const { ask, sendRequest, decisions } = await createPagesHarness();
    const person = { send: sendRequest, name: "ann", password, decision: "deny" } as const;
    expect(await followAuthorization(ask(), person))
      .toBe("https://client.example/callback?error=access_denied&iss=here");
    expect(decisions).toEqual([{ id: "request-1" }]);
  });

  test("needs no password for the second client within 12 hours, and one afterwards", async () => {
    const { ask, browser: open, clock } = await createPagesHarness();
    const browser = open();
    const first = await browser.submit(await browser.open(ask()), { name: "ann", password });
    expect(first.html).toContain("Allow A client to use this gateway?");
    clock.advance(12 * 3_600_000 - 1);
    expect((await browser.open(ask())).html).toContain('value="allow"');
    clock.advance(1);
    expect((await browser.open(ask())).html).toContain('name="password"');
  });

  test("logs out, and then another person's log-in counts for the same request", async () => {
    const { ask, browser: open, people, decisions } = await createPagesHarness();
    await people.users.add("bob", { roles: [], groups: [], password: "another long password" });
    const browser = open();
    const own = await browser.open(ask());
    // The log-in of a server may follow, so each says where it is.
    expect(own.html).toContain("<h1>Log in at the gateway</h1>");
    expect(own.html).toMatch(/<title>Log in at the gateway/);
    const asked = await browser.submit(own, { name: "ann", password });
    const [logout] = formsOf(asked.html).filter((form) => form.includes("/oauth/logout"));
    const login = await browser.submit({ ...asked, html: logout ?? "" }, {});
    expect(login.html).toContain('name="password"');
    const bobs = await browser.submit(login, { name: "bob", password: "another long password" });
    await browser.submit(bobs, { decision: "allow" });
    expect(decisions.map(({ person }) => person?.name)).toEqual(["bob"]);
  });

  test("gets the form again after a wrong password, with the name and without the password", async () => {
    const { ask, browser: open } = await createPagesHarness();
    const browser = open();
    const page = await browser.submit(await browser.open(ask()), {
      name: 'ann"><b>',
      password: "wrong but long enough",
    });
    expect(page.status).toBe(403);
    expect(page.html).toContain("The name or the password is wrong.");
    expect(page.html).toContain('value="ann&quot;&gt;&lt;b&gt;"');
    expect(page.html).not.toContain("wrong but long enough");
  });

  test("reads at / that a restart lost the request", async () => {
    const { ask, browser: open, forgetWaiting } = await createPagesHarness();
    const browser = open();
    const login = await browser.open(ask());
    forgetWaiting();
    const page = await browser.submit(login, { name: "ann", password });
    expect(page.status).toBe(410);
    expect(page.html).toContain("no longer waiting");
    expect(page.html).toContain("Go back to your client and connect again");
  });
});

describe("the headers of every page", () => {
  test("allow no frame, no script, no cache and no foreign form", async () => {
    const { ask, browser: open } = await createPagesHarness();
    const browser = open();
    const login = await browser.open(ask());
    const consent = await browser.submit(login, { name: "ann", password });
    const link = await browser.open(`${origin}/oauth/login/link?user=ann&token=x`);
    const gone = await browser.open(`${origin}/oauth/consent?request=none`);
    const leaving = await browser.submit(consent, { decision: "allow" });
    for (const { headers, html } of [login, consent, link, gone, leaving]) {
      const policy = headers.get("content-security-policy") ?? "";
      expect(policy.replace(/nonce-[\w-]+/, "nonce-x")).toBe(
        "default-src 'none'; style-src 'nonce-x'; base-uri 'none'; form-action 'self'; " +
          "frame-ancestors 'none'",
      );
      expect(headers.get("x-frame-options")).toBe("DENY");
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("referrer-policy")).toMatch(/^(?:same-origin|no-referrer)$/);
      expect(html).not.toMatch(/<script|<img|<iframe|\son\w+=/i);
    }
    expect(leaving.headers.get("referrer-policy")).toBe("no-referrer");
  });

  test("the cookie is HttpOnly and Lax, and has the __Host- prefix with https alone", async () => {
    const plain = await createPagesHarness();
    const [cookie = ""] = (await plain.browser().open(`${origin}/oauth/login`)).headers
      .getSetCookie();
    expect(cookie).toMatch(
      /^mcp-wrapper-8999=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=43200$/,
    );
    const secure = await createPagesHarness({ config: { publicUrl: "https://gateway.example" } });
    const page = await secure.browser().open("https://gateway.example/oauth/login");
    expect(page.headers.getSetCookie()[0]).toMatch(
      /^__Host-mcp-wrapper=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=43200; Secure$/,
    );
  });
});

describe("a foreign page", () => {
  test("cannot log a browser in, allow a client or log out: no form without its proof", async () => {
    const { ask, browser: open, decisions, send } = await createPagesHarness();
    const browser = open();
    const login = await browser.open(ask());
    const forged = await browser.submit({
      ...login,
      html: login.html.replace(/name="proof" value="[^"]*"/, 'name="proof" value=""'),
    }, { name: "ann", password });
    expect(forged.status).toBe(403);
    const consent = await browser.submit(login, { name: "ann", password });
    const cookie = [...browser.cookies].map((pair) => pair.join("=")).join("; ");
    const proof = /name="proof" value="([^"]*)"/.exec(consent.html)?.[1] ?? "";
    const post = async (headers: Record<string, string>, fields: Record<string, string>) => {
      const type = { "content-type": "application/x-www-form-urlencoded" };
      return (await send("POST", "/oauth/consent", {
        headers: { ...type, cookie, ...headers },
        body: new URLSearchParams({ request: "request-1", decision: "allow", ...fields })
          .toString(),
      })).status;
    };
    expect(await post({ origin: "https://evil.example" }, { proof })).toBe(403);
    expect(await post({ origin: "null" }, { proof })).toBe(403);
    expect(await post({ origin: "http://localhost:9999" }, { proof })).toBe(403);
    expect(await post({ "sec-fetch-site": "cross-site" }, { proof })).toBe(403);
    expect(await post({ "sec-fetch-site": "same-site" }, { proof })).toBe(403);
    expect(await post({ origin }, {})).toBe(403);
    expect(await post({ origin, cookie: "" }, { proof })).toBe(403);
    expect(await post({ origin, "content-type": "text/plain" }, { proof })).toBe(415);
    expect(decisions).toEqual([]);
    expect(await post({ origin }, { proof })).toBe(200);
    expect(decisions.length).toBe(1);
  });

  test("an origin that may read answers of the API cannot send the forms", async () => {
    const { ask, browser: open, decisions } = await createPagesHarness({
      config: { allowedOrigins: ["https://inspector.example"] },
    });
    const browser = open("https://inspector.example");
    const page = await browser.submit(await browser.open(ask()), { name: "ann", password });
    expect([page.status, decisions]).toEqual([403, []]);
  });

  test("a proof of one purpose or request is none for another", async () => {
    const { ask, browser: open, decisions } = await createPagesHarness();
    const browser = open();
    const [first, second] = [ask(), ask()];
    const consent = await browser.submit(await browser.open(first), { name: "ann", password });
    await browser.open(second);
    const swapped = consent.html.replaceAll('value="request-1"', 'value="request-2"');
    expect((await browser.submit({ ...consent, html: swapped }, { decision: "allow" })).status)
      .toBe(403);
    const [logout = ""] = formsOf(consent.html).filter((form) => form.includes("/oauth/logout"));
    const asConsent = logout.replace("/oauth/logout", "/oauth/consent").replace(
      "<button",
      '<input name="decision"><button',
    );
    expect((await browser.submit({ ...consent, html: asConsent }, { decision: "allow" })).status)
      .toBe(403);
    expect(decisions).toEqual([]);
  });
});

describe("a request", () => {
  test("is answered once: a repeated form says so", async () => {
    const { ask, browser: open, decisions } = await createPagesHarness();
    const browser = open();
    const consent = await browser.submit(await browser.open(ask()), { name: "ann", password });
    await browser.submit(consent, { decision: "allow" });
    for (const decision of ["allow", "deny"]) {
      expect((await browser.submit(consent, { decision })).status).toBe(410);
    }
    expect(decisions.length).toBe(1);
  });

  test("belongs to the browser that opened it first", async () => {
    const { ask, browser: open, decisions } = await createPagesHarness();
    const [own, other] = [open(), open()];
    const url = ask();
    await own.open(url);
    const stolen = await other.open(url);
    expect(stolen.status).toBe(403);
    expect(stolen.html).toContain("belongs to another browser");
    expect(stolen.html).not.toContain("A client to use");
    const consent = await own.submit(await own.open(url), { name: "ann", password });
    expect((await own.submit(consent, { decision: "allow" })).leavesTo).toBeDefined();
    expect(decisions.length).toBe(1);
  });

  test("expires", async () => {
    const { ask, browser: open, clock } = await createPagesHarness();
    const browser = open();
    const login = await browser.open(ask());
    clock.advance(600_000);
    expect((await browser.submit(login, { name: "ann", password })).status).toBe(410);
  });
});

describe("the token of a browser", () => {
  test("that was planted before is worth nothing after the log-in", async () => {
    const { ask, browser: open } = await createPagesHarness();
    const victim = open();
    const login = await victim.open(ask());
    const planted = new Map(victim.cookies);
    await victim.submit(login, { name: "ann", password });
    expect(victim.cookies.get("mcp-wrapper-8999")).not.toBe(planted.get("mcp-wrapper-8999"));
    const attacker = open();
    for (const [name, value] of planted) attacker.cookies.set(name, value);
    expect((await attacker.open(`${origin}/oauth/login`)).html).toContain('name="password"');
  });

  test("that is sent twice, or malformed, counts as none", async () => {
    const { browser: open } = await createPagesHarness();
    const browser = open();
    const login = await browser.open(`${origin}/oauth/login`);
    await browser.submit(login, { name: "ann", password });
    expect((await browser.open(`${origin}/oauth/login`)).html).toContain("You are logged in");
    const token = browser.cookies.get("mcp-wrapper-8999") ?? "";
    browser.cookies.set("mcp-wrapper-8999", `${token}; mcp-wrapper-8999=${"x".repeat(43)}`);
    expect((await browser.open(`${origin}/oauth/login`)).html).toContain('name="password"');
  });

  test("of a logged-out browser is worth nothing", async () => {
    const { browser: open } = await createPagesHarness();
    const browser = open();
    const login = await browser.open(`${origin}/oauth/login`);
    const page = await browser.submit(login, { name: "ann", password });
    const old = new Map(browser.cookies);
    expect((await browser.submit(page, {})).html).toContain('name="password"');
    for (const [name, value] of old) browser.cookies.set(name, value);
    expect((await browser.open(`${origin}/oauth/login`)).html).toContain('name="password"');
  });
});

describe("parameters", () => {
  test("send a browser nowhere else", async () => {
    const { browser: open } = await createPagesHarness();
    for (
      const target of [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "../../evil",
      ]
    ) {
      const query = new URLSearchParams({ request: target, return: target, next: target });
      for (const page of ["login", "consent", "login/link"]) {
        const shown = await open().open(`${origin}/oauth/${page}?${query}`);
        expect([page, shown.leavesTo]).toEqual([page, undefined]);
        expect(shown.html).not.toContain("evil");
        expect(shown.url.startsWith(`${origin}/oauth/`)).toBe(true);
      }
    }
  });
});
