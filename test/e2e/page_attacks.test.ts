/**
 * The operator's page under attack, in a real browser: links that do not work, pages of other
 * origins, a server whose every text is markup, and an app that tries to get out of its frame.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { Browser } from "playwright-core";
import { type AdminCalls, openAdminCalls } from "../support/admin_calls.ts";
import { browserPath, openBrowser } from "../support/browser.ts";
import { openVisit, type PageVisit } from "../support/page_visit.ts";
import { type Served, serveFetch } from "../support/serve_fetch.ts";
import { programCommand, type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { until } from "../support/wait.ts";

const isWanted = browserPath !== undefined && process.env["MCP_TEST_PROGRAMS"] === "true";
const testMs = 120_000;
const signInTitle = "Open this page by a one-time link";

let browser: Browser;
let gateway: SpawnedGateway;
let admin: AdminCalls;
/** Another origin: its pages attack, and nothing of the gateway's page may reach it. */
let outside: Served;
let reached: string[] = [];

const outsideUrl = () => `http://127.0.0.1:${outside.port}`;

async function makeLink(): Promise<string> {
  const { status, body } = await admin.call("POST", "/admin/page/link", { as: "owner", body: {} });
  expect(status).toBe(201);
  return String(body["url"]);
}

/** Signs in by a fresh link. */
async function signedIn(expected?: RegExp): Promise<PageVisit> {
  const visit = await openVisit(browser, expected === undefined ? {} : { expected });
  await visit.page.goto(await makeLink());
  await visit.page.getByRole("heading", { name: "Servers", level: 1 }).waitFor();
  return visit;
}

const storedIn = ({ page }: PageVisit) =>
  page.evaluate<string>(
    "JSON.stringify({ ...sessionStorage, ...localStorage }) + document.cookie",
  );

const tokenIn = ({ page }: PageVisit) =>
  page.evaluate<string>("Object.values({ ...sessionStorage }).join()");

/** What a page of another origin tries; `url` is that of the admin API. */
const attack = (url: string, stolen: string) =>
  `(async () => {
  const url = ${JSON.stringify(url)};
  const headers = { authorization: ${JSON.stringify(`Bearer ${stolen}`)} };
  const outcome = (work) => work.then(({ type, status }) => type + " " + status, () => "refused");
  const frame = document.createElement("iframe");
  frame.src = url + "/admin";
  const loaded = new Promise((resolve) => frame.onload = resolve);
  document.body.append(frame);
  await loaded;
  const blind = { method: "POST", mode: "no-cors", body: '{"code":"a"}' };
  return {
    read: await outcome(fetch(url + "/admin/status", { headers })),
    file: await outcome(fetch(url + "/admin/page/app.js")),
    stream: await outcome(fetch(url + "/admin/events", { headers })),
    blind: await outcome(fetch(url + "/admin/page/token", blind)),
    framed: frame.contentDocument === null,
  };
})()`;

describe.skipIf(!isWanted)("the operator's page", () => {
  beforeAll(async () => {
    outside = await serveFetch((request) => {
      const { pathname } = new URL(request.url);
      reached.push(pathname);
      const headers = { "content-type": "text/html", "access-control-allow-origin": "*" };
      return Promise.resolve(new Response("<title>outside</title>", { headers }));
    });
    [browser, gateway] = await Promise.all([
      openBrowser(),
      spawnGateway({
        prepare(directory) {
          const child = programCommand("test/support/markup_child.ts", [
            join(directory, "found.json"),
            outsideUrl(),
          ]);
          writeFileSync(
            join(directory, "mcp.json"),
            JSON.stringify({ mcpServers: { evil: child } }),
          );
        },
        env: { MCP_ADMIN_PORT: "0" },
      }),
    ]);
    admin = await openAdminCalls(gateway.directory);
  }, testMs);

  afterAll(async () => {
    await browser?.close();
    await gateway?.dispose();
    await outside?.close();
  });

  test("does not open without a link, or by a wrong one", async () => {
    const visit = await openVisit(browser, { expected: /status of 401/ });
    const { page } = visit;
    await page.goto(`${admin.url}/admin`);
    await page.getByRole("heading", { name: signInTitle }).waitFor();
    await page.getByText("mcp-wrapper page", { exact: true }).waitFor();
    for (const code of ["wrong", "x".repeat(43)]) {
      await page.goto("about:blank");
      await page.goto(`${admin.url}/admin#code=${code}`);
      await page.getByRole("alert").getByText(/Cannot open the page with this link/).waitFor();
      expect(page.url()).toBe(`${admin.url}/admin`);
      expect(await storedIn(visit)).toBe("{}");
    }
    expect(await visit.problems()).toEqual([]);
    await visit.close();
  }, testMs);

  test("opens by a link once, and keeps its code nowhere", async () => {
    const link = await makeLink();
    const code = link.slice(link.indexOf("=") + 1);
    const first = await openVisit(browser);
    await first.page.goto(link);
    await first.page.getByRole("heading", { name: "Servers", level: 1 }).waitFor();
    expect(first.page.url()).toBe(`${admin.url}/admin`);
    expect(await storedIn(first)).not.toContain(code);
    await first.go("about");
    await first.page.goBack();
    expect(first.page.url()).toBe(`${admin.url}/admin`);
    expect(await first.problems()).toEqual([]);

    const second = await openVisit(browser, { expected: /status of 401/ });
    await second.page.goto(link);
    await second.page.getByRole("alert").getByText(/it was used/).waitFor();
    expect(await storedIn(second)).toBe("{}");
    await first.close();
    await second.close();
    expect(gateway.log()).not.toContain(code);
  }, testMs);

  test("leads back to the link when its token is not good any more", async () => {
    const visit = await signedIn(/status of 401/);
    await visit.page.evaluate(
      'Object.keys(sessionStorage).forEach((key) => sessionStorage.setItem(key, "wrong"))',
    );
    await visit.page.reload();
    await visit.page.getByRole("heading", { name: signInTitle }).waitFor();
    await visit.page.getByText("no longer accepts this page's token").waitFor();
    expect(await storedIn(visit)).toBe("{}");
    await visit.close();
  }, testMs);

  test("signs out: the token ends in the browser and at the gateway", async () => {
    const visit = await signedIn();
    const token = await tokenIn(visit);
    const status = async () => (await admin.call("GET", "/admin/status", { token })).status;
    expect(await status()).toBe(200);
    await visit.page.getByRole("button", { name: "Sign out" }).click();
    await visit.page.getByRole("heading", { name: signInTitle }).waitFor();
    expect([await storedIn(visit), await status()]).toEqual(["{}", 401]);
    expect(await visit.problems()).toEqual([]);
    await visit.close();
  }, testMs);

  test("cannot be read, framed or steered by a page of another origin", async () => {
    const signed = await signedIn();
    const token = await tokenIn(signed);
    const page = await signed.context.newPage();
    const statuses = new Map<string, number>();
    page.on("response", (response) => {
      const { pathname, origin } = new URL(response.url());
      if (origin === admin.url) statuses.set(pathname, response.status());
    });
    await page.goto(outsideUrl());
    const tried = await page.evaluate(attack(admin.url, token));
    expect(tried).toEqual({
      read: "refused",
      file: "refused",
      stream: "refused",
      // A page is not told more than that its request was sent.
      blind: "opaque 0",
      framed: true,
    });
    expect(statuses.get("/admin/page/token")).toBe(403);
    const frame = page.frames()[1];
    expect(await frame?.title().catch(() => "")).not.toBe("mcp-wrapper");
    await page.close();
    expect(await signed.problems()).toEqual([]);
    await signed.close();
  }, testMs);

  test("shows a server's texts as texts, and spells out what is hidden in them", async () => {
    const visit = await signedIn();
    const { page } = visit;
    await page.getByRole("rowheader", { name: /evil/ }).waitFor();
    for (
      const view of ["servers/evil/prompts", "servers/evil/resources", "servers/evil/tools/attack"]
    ) {
      await visit.go(view);
      await page.getByText("<script>alert(1)</script>").first().waitFor();
    }
    await page.getByText("⟨U+202E⟩").first().waitFor();
    await page.getByRole("button", { name: "Run" }).click();
    const result = page.getByRole("region", { name: "Result" });
    await result.getByText("The tool reports an error.").waitFor();
    await result.getByText("<script>alert(1)</script>").first().waitFor();
    for (const title of [/^The whole result/, /^_meta$/]) {
      await page.locator("summary", { hasText: title }).click();
    }
    const links = await page.locator("a").evaluateAll((all) =>
      all.map((link) => link.getAttribute("href") ?? "")
    );
    expect(links.filter((href) => !href.startsWith("#"))).toEqual([]);
    for (const view of ["calls", "log", "sessions", "about"]) await visit.go(view);
    await visit.go("log?text=evil");
    const markup = await page.locator("main script, main [onerror], main [onload], main style")
      .count();
    expect(markup).toBe(0);
    expect(await visit.problems()).toEqual([]);
    await visit.close();
  }, testMs);

  test("holds an app in its frame: no token, no network, no other tools", async () => {
    reached = [];
    // What the app tries is refused by its own policy, and the browser says so on the console.
    const visit = await signedIn(
      /Content.Security.Policy|sandbox|Unsafe attempt|Blocked|ERR_BLOCKED/,
    );
    const { page } = visit;
    await visit.go("servers/evil/tools/app");
    await page.getByRole("button", { name: "Run" }).click();
    const frame = page.locator("iframe");
    await frame.waitFor();
    expect([await frame.getAttribute("sandbox"), await frame.getAttribute("allow")]).toEqual([
      "allow-scripts",
      null,
    ]);
    // A person sees the host of a link as the browser reads it, and decides.
    const dialog = page.getByRole("dialog", { name: "Open this page?" });
    await dialog.getByText("xn--pple-43d.com", { exact: true }).waitFor();
    await dialog.getByRole("button", { name: "Cancel" }).click();
    const file = join(gateway.directory, "found.json");
    await until("the app's report", () => existsSync(file));
    const found = JSON.parse(readFileSync(file, "utf8")) as Record<string, string>;
    const { hello = "", ...attempts } = found;
    expect(attempts).toEqual({
      parentDocument: "refused",
      parentStorage: "refused",
      ownStorage: "refused",
      cookies: "refused",
      admin: "refused",
      elsewhere: "refused",
      script: "refused",
      picture: "refused",
      popup: "refused",
      top: "refused",
      modelOnly: "refused",
      userInLink: "refused",
      link: "refused",
    });
    const token = await tokenIn(visit);
    expect(token).not.toBe("");
    expect(hello).not.toContain(token);
    await page.getByText("It called").waitFor();
    // Its last attempt is to lead its own frame away, with what it knows in the address.
    const isAway = (problem: string) => problem.startsWith("policy: frame-src");
    await until("the refused way out", async () => (await visit.problems()).some(isAway));
    await visit.go("servers");
    expect(reached).toEqual([]);
    expect((await visit.problems()).filter((problem) => !isAway(problem))).toEqual([]);
    await visit.close();
  }, testMs);
});
