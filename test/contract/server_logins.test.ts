/**
 * Log-ins at protected servers on the gateway's own pages: which person may begin one, by which
 * link, in which browser, and where the browser can be sent. The played browser runs no scripts.
 */
import { describe, expect, test } from "bun:test";
import { sharedPrincipal } from "../../src/model.ts";
import {
  base,
  comeBack,
  createConnectHarness,
  goOn,
  issuerPage,
  logIn,
  protectedServer,
} from "../support/connect_pages.ts";

describe("a link", () => {
  test("leads to a page without scripts, which says where, for whom, and how to be careful", async () => {
    const { links, browser: open, pageOf } = await createConnectHarness({ kinds: ["key"] });
    const page = await open().open(pageOf("files", await links.make("files", "key:ci")));
    expect(page.status).toBe(200);
    expect(page.html).toContain("Log in at files?");
    expect(page.html).toContain(new URL(protectedServer("files").url).host);
    expect(page.html).toContain("the key ci");
    expect(page.html).toContain("Continue only if you asked for this yourself");
    expect(page.html).not.toMatch(/<script|hidden@|key=hidden/);
    const { headers } = page;
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
    expect(headers.get("set-cookie")).toMatch(/; HttpOnly; SameSite=Lax;/);
  });

  test("is used up by its form and not by a look at it, and works once", async () => {
    const { links, browser: open, pageOf, begun } = await createConnectHarness({ kinds: ["key"] });
    const url = pageOf("files", await links.make("files", "key:ci"));
    for (let looks = 0; looks < 5; looks += 1) await open().open(url);
    const browser = open();
    const [one, other] = [await browser.open(url), await browser.open(url)];
    const left = await goOn(browser, one);
    expect(left.leavesTo).toBe(issuerPage(1));
    expect(begun).toMatchObject([{
      server: "files",
      principal: "key:ci",
      redirectUri: `${base}/oauth/callback`,
    }]);
    expect((await goOn(browser, other)).status).toBe(410);
    expect((await browser.open(url)).html).toContain("This link cannot be used");
    expect(begun.length).toBe(1);
  });

  test("of two forms at the same moment one goes on", async () => {
    const { links, browser: open, pageOf, begun } = await createConnectHarness({ kinds: ["key"] });
    const browser = open();
    const page = await browser.open(pageOf("files", await links.make("files", "key:ci")));
    const pages = await Promise.all([goOn(browser, page), goOn(browser, page)]);
    expect(pages.map(({ status }) => status).sort()).toEqual([200, 410]);
    expect(begun.length).toBe(1);
  });

  test("cannot be used after ten minutes, nor for another server", async () => {
    const options = {
      kinds: ["key"],
      servers: [protectedServer("files"), protectedServer("mail")],
    };
    const { links, browser: open, pageOf, clock, begun } = await createConnectHarness(options);
    const link = await links.make("files", "key:ci");
    const browser = open();
    expect((await browser.open(pageOf("mail", link))).status).toBe(410);
    const page = await browser.open(pageOf("files", link));
    clock.advance(600_000 - 1);
    expect((await browser.open(pageOf("files", link))).status).toBe(200);
    clock.advance(1);
    expect((await browser.open(pageOf("files", link))).status).toBe(410);
    expect((await goOn(browser, page)).status).toBe(410);
    expect(begun).toEqual([]);
  });

  test("cannot be used without the form of this gateway in this browser", async () => {
    const { links, browser: open, pageOf, send, begun } = await createConnectHarness({
      kinds: ["key"],
    });
    const link = await links.make("files", "key:ci");
    const url = pageOf("files", link);
    const browser = open();
    const page = await browser.open(url);
    const stranger = open();
    await stranger.open(url);
    const forms: { readonly [name: string]: string }[] = [
      { request: link },
      { request: link, proof: "0".repeat(64) },
    ];
    for (const form of forms) {
      const body = new URLSearchParams(form).toString();
      const type = "application/x-www-form-urlencoded";
      const answer = await send("POST", "/oauth/connect/files", {
        headers: { "content-type": type },
        body,
      });
      expect(answer.status).toBe(403);
    }
    // The page of one browser, sent by another one.
    expect((await goOn(stranger, page)).status).toBe(403);
    expect((await goOn(browser, page)).leavesTo).toBe(issuerPage(1));
    expect(begun.length).toBe(1);
  });

  test("of one principal takes no other principal's away, however many it has", async () => {
    const { links } = await createConnectHarness({ limits: { serverLinksPerPrincipalMax: 3 } });
    const others = await links.make("files", "key:other");
    const own: string[] = [];
    for (let at = 0; at < 4; at += 1) own.push(await links.make("files", "key:ci"));
    const found = await Promise.all(own.map((token) => links.find(token)));
    expect(found.map((link) => link !== undefined)).toEqual([false, true, true, true]);
    expect(await links.find(others)).toEqual({ server: "files", principal: "key:other" });
  });
});

describe("a link for a person", () => {
  test("makes the person log in at the gateway first, and comes back to the page", async () => {
    const { links, browser: open, pageOf, begun } = await createConnectHarness({
      kinds: ["oauth"],
    });
    const browser = open();
    const login = await browser.open(pageOf("files", await links.make("files", "user:ann")));
    expect(login.html).toContain('name="password"');
    const page = await logIn(browser, login, "ann");
    expect(page.html).toContain("Log in at files?");
    expect((await goOn(browser, page)).leavesTo).toBe(issuerPage(1));
    expect(begun).toMatchObject([{ principal: "user:ann" }]);
  });

  test("does not collect the grant of another person who opens it", async () => {
    const { links, browser: open, pageOf, begun } = await createConnectHarness({
      kinds: ["oauth"],
    });
    const link = await links.make("files", "user:ann");
    const browser = open();
    const refused = await logIn(browser, await browser.open(pageOf("files", link)), "bob");
    expect(refused.status).toBe(403);
    expect(refused.html).toContain("This link is not for you");
    expect(refused.html).not.toContain("/oauth/connect/files");
    // Bob's browser gets no way on, also not by a link for a key.
    const keys = await browser.open(pageOf("files", await links.make("files", "key:ci")));
    expect(keys.status).toBe(403);
    // The person of the link logs in with this browser after all.
    const again = await browser.submit(refused, {});
    expect(again.html).toContain('name="password"');
    const page = await logIn(browser, again, "ann");
    expect((await goOn(browser, page)).leavesTo).toBe(issuerPage(1));
    expect(begun).toMatchObject([{ principal: "user:ann" }]);
  });

  test("is refused if another person logged in since the page was shown", async () => {
    const { links, browser: open, pageOf, begun } = await createConnectHarness({
      kinds: ["oauth"],
    });
    const browser = open();
    const login = await browser.open(pageOf("files", await links.make("files", "user:ann")));
    const page = await logIn(browser, login, "ann");
    const logout = await browser.submit(await browser.open(`${base}/oauth/login`), {});
    await logIn(browser, logout, "bob");
    expect((await goOn(browser, page)).status).toBe(403);
    expect(begun).toEqual([]);
  });
});

describe("a person without a link", () => {
  test("logs in for themselves, and two people do not meet", async () => {
    const { browser: open, pageOf, begun, finished } = await createConnectHarness({
      kinds: ["oauth"],
    });
    const [anns, bobs] = [open(), open()];
    const toIssuer = async (browser: typeof anns, name: "ann" | "bob") =>
      await goOn(browser, await logIn(browser, await browser.open(pageOf("files")), name));
    expect((await toIssuer(anns, "ann")).leavesTo).toBe(issuerPage(1));
    expect((await toIssuer(bobs, "bob")).leavesTo).toBe(issuerPage(2));
    expect(begun.map(({ principal }) => principal)).toEqual(["user:ann", "user:bob"]);
    expect(begun[0]?.browser).not.toBe(begun[1]?.browser);
    // Each other's state is of no use.
    expect((await comeBack(anns, { state: "2", code: "c" })).status).toBe(400);
    expect((await comeBack(bobs, { state: "1", code: "c" })).status).toBe(400);
    expect((await comeBack(bobs, { state: "2", code: "c" })).status).toBe(200);
    expect((await comeBack(anns, { state: "1", code: "c" })).status).toBe(200);
    expect(finished.map(({ principal }) => principal)).toEqual(["user:bob", "user:ann"]);
  });

  test("learns nothing of a server that is unknown, hidden, or not protected", async () => {
    const { browser: open, pageOf, gateway, links } = await createConnectHarness({
      kinds: ["oauth"],
      servers: [protectedServer("files"), protectedServer("secret")],
    });
    gateway.surfaces = ["/mcp", "/servers/files", "/servers/plainest"];
    const browser = open();
    // Who is not logged in is asked to, whatever the name.
    const asked = await Promise.all(
      ["files", "secret", "absent"].map((name) => open().open(pageOf(name))),
    );
    expect(asked.map(({ html }) => html.includes('name="password"'))).toEqual([true, true, true]);
    await logIn(browser, await browser.open(pageOf("files")), "ann");
    const pages = await Promise.all(["secret", "absent", "plainest"].map(async (name) => {
      const { status, html } = await browser.open(pageOf(name));
      return `${status} ${html.replaceAll(name, "NAME").replaceAll(/nonce[^"]*"[^"]*"/g, "")}`;
    }));
    expect(pages[0]).toMatch(/^404 /);
    expect(new Set(pages).size).toBe(1);
    const byLink = await browser.open(pageOf("secret", await links.make("secret", "user:ann")));
    expect(byLink.status).toBe(404);
  });

  test("needs one where only programs authenticate, whether or not the server exists", async () => {
    const { browser: open, pageOf } = await createConnectHarness({ kinds: ["key"] });
    for (const name of ["files", "none"]) {
      const page = await open().open(pageOf(name));
      expect([page.status, page.html.includes("A link is needed")]).toEqual([403, true]);
      expect(page.html).toContain("mcp-wrapper auth login NAME --principal ID");
    }
  });
});

describe("one log-in for everybody", () => {
  test("is the operator's by a link, never that of a person who is logged in", async () => {
    const { browser: open, pageOf, links, begun } = await createConnectHarness({
      kinds: ["oauth"],
      servers: [protectedServer("files", { grant: "shared" })],
    });
    const browser = open();
    const refused = await logIn(browser, await browser.open(pageOf("files")), "ann");
    expect([refused.status, refused.html.includes("mcp-wrapper auth login files")])
      .toEqual([403, true]);
    const own = await browser.open(pageOf("files", await links.make("files", "user:ann")));
    expect(own.status).toBe(410);
    const operator = open();
    const link = await links.make("files", sharedPrincipal.id);
    const page = await operator.open(pageOf("files", link));
    expect(page.html).toContain("all clients of this gateway");
    expect((await goOn(operator, page)).leavesTo).toBe(issuerPage(1));
    expect(begun).toMatchObject([{ principal: sharedPrincipal.id }]);
  });

  test("needs no link where clients do not authenticate, but this machine's own address", async () => {
    const { browser: open, pageOf, begun, send } = await createConnectHarness();
    const browser = open();
    const page = await browser.open(pageOf("files"));
    expect((await goOn(browser, page)).leavesTo).toBe(issuerPage(1));
    expect(begun).toMatchObject([{ principal: sharedPrincipal.id }]);
    const foreign = await send("GET", "/oauth/connect/files", {
      headers: { host: "evil.example" },
    });
    expect(foreign.status).toBe(403);
    const posted = await send("POST", "/oauth/connect/files", {
      headers: {
        "content-type": "application/x-www-form-urlencoded",
        origin: "https://evil.example",
      },
      body: "request=&proof=",
    });
    expect(posted.status).toBe(403);
  });

  test("is refused with the reason where everybody would act as its owner", async () => {
    const problem = "needs a log-in, and other machines can reach the gateway";
    const { browser: open, pageOf, begun } = await createConnectHarness({
      servers: [protectedServer("files", { grant: "shared", problem })],
    });
    const page = await open().open(pageOf("files"));
    expect([page.status, page.html.includes(problem)]).toEqual([403, true]);
    expect(begun).toEqual([]);
  });
});
