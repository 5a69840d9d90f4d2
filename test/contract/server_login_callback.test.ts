/**
 * The way back from a protected server's log-in: the callback ends on a page of the gateway, sends
 * the browser nowhere else, and shows what others say as text. Also the gateway's client document.
 */
import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/errors.ts";
import {
  base,
  comeBack,
  type ConnectOptions,
  createConnectHarness,
  goOn,
  issuerPage,
  protectedServer,
} from "../support/connect_pages.ts";

/** A browser that is at the issuer, with state 1. */
async function atIssuer(options: ConnectOptions = {}, returnTo?: string) {
  const harness = await createConnectHarness(options);
  const browser = harness.browser();
  const query = returnTo === undefined ? "" : `?${new URLSearchParams({ returnTo })}`;
  const [server = protectedServer("files")] = options.servers ?? [];
  const page = await browser.open(`${harness.pageOf(server.name)}${query}`);
  const left = await goOn(browser, page);
  return { ...harness, page, left, own: browser };
}

describe("the callback", () => {
  test("shows what was granted, and keeps nothing in caches or referrers", async () => {
    const { own, left, finished } = await atIssuer();
    expect(left.leavesTo).toBe(issuerPage(1));
    expect(left.headers.get("referrer-policy")).toBe("no-referrer");
    const page = await comeBack(own, { state: "1", code: "the-code" });
    expect(page.status).toBe(200);
    expect(page.html).toContain("Logged in at files");
    expect(page.html).toContain("issuer.example");
    expect(page.html).toContain("<code>read</code>");
    expect(page.html).toContain("You can close this page");
    expect(page.html).not.toContain("the-code");
    expect(page.headers.get("cache-control")).toBe("no-store");
    expect(page.headers.get("referrer-policy")).toBe("no-referrer");
    expect(finished.length).toBe(1);
  });

  test("goes back to where the person came from", async () => {
    const { own, begun } = await atIssuer({}, "/status?server=files");
    expect(begun[0]?.returnTo).toBe("/status?server=files");
    const { html } = await comeBack(own, { state: "1", code: "c" });
    expect(html).toContain('content="5; url=/status?server=files"');
    expect(html).toContain('href="/status?server=files"');
  });

  test("goes back below the path of the public URL", async () => {
    const config = { publicUrl: "http://localhost:8999/gw" };
    const { own } = await atIssuer({ config }, "/status");
    expect((await comeBack(own, { state: "1", code: "c" })).html).toContain('href="/gw/status"');
  });

  const elsewhere = [
    "https://evil.example/",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    " //evil.example",
    "/%0a/../../\u0000",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "@evil.example",
    "/..//evil.example",
    "/.//evil.example",
    "/x/..//evil.example",
    "/ü",
    "",
    `/${"a".repeat(400)}`,
  ];
  for (const target of elsewhere) {
    test(`does not go to ${JSON.stringify(target).slice(0, 40)}`, async () => {
      // The page does not take it, and the callback would not if it had.
      const begins = await atIssuer({}, target);
      expect(begins.left.leavesTo).toBe(issuerPage(1));
      expect(begins.begun[0]).not.toHaveProperty("returnTo");
      const { own } = await atIssuer({ granted: { returnTo: target } });
      const page = await comeBack(own, { state: "1", code: "c" });
      expect(page.html).toContain("You can close this page");
      expect(page.html).not.toMatch(/<meta http-equiv|href=/);
      expect(page.headers.get("location")).toBeNull();
    });
  }

  test("does not leave the path of the public URL", async () => {
    const config = { publicUrl: "http://localhost:8999/gw" };
    const { own } = await atIssuer({ config, granted: { returnTo: "/../other" } });
    const { html } = await comeBack(own, { state: "1", code: "c" });
    expect(html).toContain("You can close this page");
    expect(html).not.toContain("href=");
  });

  const hostile: Readonly<Record<string, string>>[] = [
    {},
    { code: "c" },
    { state: "" },
    { state: "2", code: "c" },
    { state: "1", error: "access_denied" },
    { state: "1", error: "<b>", error_description: '<img src=x onerror="alert(1)">' },
    { state: "1", error: "server_error", error_description: "a".repeat(9_000) },
    { state: "1", error: "x", error_uri: "https://evil.example" },
    { state: "1".repeat(20_000), code: "c" },
    { state: "9", code: "c", returnTo: "https://evil.example", next: "//evil.example" },
  ];
  for (const params of hostile) {
    const words = new URLSearchParams(params).toString();
    test(`ends on a page of the gateway with ${words.slice(0, 40) || "nothing"}`, async () => {
      const { own } = await atIssuer();
      const page = await comeBack(own, params);
      expect(page.status).toBe(400);
      expect([page.url.startsWith(`${base}/oauth/callback`), page.leavesTo]).toEqual([
        true,
        undefined,
      ]);
      expect(page.html).toMatch(/<h1>(?:The log-in failed|No log-in was begun here)<\/h1>/);
      expect(page.html).not.toMatch(/<b>|<img|evil\.example|a{1001}/);
      expect(page.headers.get("cache-control")).toBe("no-store");
      expect(page.headers.get("referrer-policy")).toBe("no-referrer");
    });
  }

  test("refuses a state twice in one request", async () => {
    const { own, finished } = await atIssuer();
    expect((await own.open(`${base}/oauth/callback?state=1&state=2&code=c`)).status).toBe(400);
    expect(finished).toEqual([]);
  });

  test("refuses a state that was made for another browser", async () => {
    const { own, browser: open, finished } = await atIssuer();
    const thief = await comeBack(open(), { state: "1", code: "c" });
    expect([thief.status, thief.html.includes("not begun in this browser")]).toEqual([400, true]);
    expect(finished).toEqual([]);
    expect((await comeBack(own, { state: "1", code: "c" })).status).toBe(200);
  });
});

describe("what others say", () => {
  test("is text on every page, and is cut", async () => {
    const name = `<script>alert("x")</script>`;
    const scopes = [
      "<i>scope</i>",
      "s".repeat(500),
      ...Array.from({ length: 90 }, (_, at) => `scope-${at}`),
    ];
    const granted = { scopes, issuer: `https://issuer.example/"><b>` };
    const servers = [protectedServer(name, { grant: "shared" })];
    const { own, page } = await atIssuer({ servers, granted });
    const { html } = await comeBack(own, { state: "1", code: "c" });
    for (const shown of [page.html, html]) {
      expect(shown).toContain("&lt;script&gt;");
      expect(shown).not.toMatch(/<script|<i>|<b>|s{101}/);
    }
    expect(html).toContain("<li>and 42 more</li>");
  });

  const beginnings:
    readonly (readonly [words: string, begin: NonNullable<ConnectOptions["begin"]>])[] = [
      ["a script as a page", async () => ({ url: "javascript:alert(1)" })],
      ["no URL as a page", async () => ({ url: "<b>nothing</b>" })],
      ["a failure with markup", async () => {
        throw new GatewayError("login_required", "The issuer says <b>no</b>");
      }],
    ];
  for (const [words, begin] of beginnings) {
    test(`ends on a page of the gateway: ${words}`, async () => {
      const { left } = await atIssuer({ begin });
      expect([left.status, left.leavesTo]).toEqual([502, undefined]);
      expect(left.html).not.toMatch(/<b>|javascript:/);
    });
  }

  test("is not waited for without end", async () => {
    let isAborted = false;
    const { browser: open, pageOf, clock } = await createConnectHarness({
      begin: (_request, signal) => {
        signal.addEventListener("abort", () => void (isAborted = true));
        setTimeout(() => clock.advance(60_000), 0);
        return new Promise(() => {});
      },
    });
    const browser = open();
    const late = await goOn(browser, await browser.open(pageOf("files")));
    expect([late.status, late.html.includes("did not answer in time")]).toEqual([502, true]);
    expect(isAborted).toBe(true);
  });
});

describe("each path", () => {
  const kinds = [undefined, ["key"], ["jwt"], ["oauth"], ["oauth", "key"]];
  for (const kind of kinds) {
    test(`answers its methods and no others (${kind?.join(", ") ?? "none"})`, async () => {
      const { send } = await createConnectHarness(kind === undefined ? {} : { kinds: kind });
      const statusOf = async (method: string, path: string) => {
        const response = await send(method, path);
        await response.text();
        return [response.status, response.headers.get("allow")];
      };
      const page = "GET, POST, OPTIONS";
      for (const method of ["PUT", "DELETE", "PATCH", "HEAD"]) {
        expect(await statusOf(method, "/oauth/connect/files")).toEqual([405, page]);
      }
      expect(await statusOf("POST", "/oauth/callback")).toEqual([405, "GET, OPTIONS"]);
      expect(await statusOf("POST", "/oauth/client-metadata.json"))
        .toEqual([405, "GET, HEAD, OPTIONS"]);
      expect(await statusOf("OPTIONS", "/oauth/connect/files")).toEqual([204, page]);
      for (const path of ["/oauth/connect", "/oauth/connect/a/b", "/oauth/callback/x"]) {
        expect((await statusOf("GET", path))[0]).toBe(404);
      }
      expect((await statusOf("POST", "/oauth/connect/files"))[0]).toBe(415);
      expect((await statusOf("GET", "/oauth/connect/%zz"))[0]).toBe(404);
    });
  }
});

describe("the gateway's client document", () => {
  const path = "/oauth/client-metadata.json";
  test("is at its own URL below an https public URL", async () => {
    const config = { publicUrl: "https://gateway.example/mcp-gw" };
    const { send } = await createConnectHarness({ config });
    const response = await send("GET", path, { headers: { host: "gateway.example" } });
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.headers.get("cache-control")).toContain("public");
    expect(await response.json()).toEqual({
      client_id: `https://gateway.example/mcp-gw${path}`,
      client_name: "mcp-wrapper",
      client_uri: "https://gateway.example",
      redirect_uris: ["https://gateway.example/mcp-gw/oauth/callback"],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
    });
  });

  test("is nowhere else", async () => {
    const publicUrl = "https://gateway.example";
    const without: ConnectOptions[] = [
      {},
      { config: { publicUrl: "http://localhost:8999" } },
      { config: { publicUrl }, servers: [] },
    ];
    for (const options of without) {
      const { send } = await createConnectHarness(options);
      expect((await send("GET", path)).status).toBe(404);
    }
  });
});
