/**
 * The operator's page as a person meets it, with made-up data: no serious fault for axe in any view,
 * dark or light; by the keyboard alone; at the width of a telephone; with parts that are missing.
 */
import { AxeBuilder } from "@axe-core/playwright";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import process from "node:process";
import type { Browser, Page } from "playwright-core";
import { browserPath, openBrowser } from "../support/browser.ts";
import { type DoubleRoutes, type PageDouble, servePageDouble } from "../support/page_double.ts";
import { sampleCalls, sampleLog, sampleStatus } from "../support/page_sample.ts";
import { openVisit, type PageVisit, type VisitOptions } from "../support/page_visit.ts";

const isWanted = browserPath !== undefined && process.env["MCP_TEST_PROGRAMS"] === "true";
const testMs = 120_000;
/** A look of axe at a view takes seconds, and many times that on a busy machine. */
const axeMs = 280_000;

/** Each view with what shows that it is there. */
const views: Readonly<Record<string, string>> = {
  servers: "crash loop",
  "servers/github/tools/search_issues": "What to search for",
  calls: "github__search_issues",
  log: "Given up after 3 starts",
  sessions: "nightly-report",
  changes: "withheld from clients",
  profiles: "/profiles/support/mcp",
  connect: "claude_desktop_config.json",
  instances: "hands over",
  about: "Clients authenticate by",
};

let browser: Browser;
let double: PageDouble;

async function open(options?: VisitOptions, link = double.link): Promise<PageVisit> {
  const visit = await openVisit(browser, options);
  await visit.page.goto(link);
  await visit.page.locator("h1").waitFor();
  return visit;
}

/** What axe calls serious or critical, with the places; by these rules alone, if any are given. */
async function faultsOf(page: Page, rules: readonly string[]): Promise<readonly string[]> {
  const axe = new AxeBuilder({ page });
  const { violations } = await (rules.length === 0 ? axe : axe.withRules([...rules])).analyze();
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`)
    );
}

/** The name of what has the focus. */
const focused = (page: Page) =>
  page.evaluate<string>(
    'document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent?.trim() ?? ""',
  );

describe.skipIf(!isWanted)("the operator's page", () => {
  beforeAll(async () => {
    // Some rows of each kind suffice.
    const fewer: DoubleRoutes = {
      "GET /admin/calls": (now) => ({ calls: sampleCalls(now).slice(-9), showsArguments: false }),
      "GET /admin/log": (now) => ({ records: sampleLog(now).slice(-9) }),
    };
    [browser, double] = await Promise.all([openBrowser(), servePageDouble(fewer)]);
  }, testMs);

  afterAll(async () => {
    await browser?.close();
    await double?.close();
  });

  // Light differs from dark by its colours.
  const schemes = [["dark", []], ["light", ["color-contrast"]]] as const;
  for (const [colorScheme, rules] of schemes) {
    test(`has no serious fault in any view: ${colorScheme}`, async () => {
      const visit = await open({ colorScheme });
      for (const [view, text] of Object.entries(views)) {
        await visit.go(view);
        await visit.page.getByText(text).first().waitFor();
        if (view.endsWith("search_issues")) {
          await visit.page.getByRole("button", { name: "Run" }).click();
          await visit.page.getByText("Required", { exact: true }).waitFor();
          await visit.page.getByLabel("query").fill("is:open");
          await visit.page.getByRole("button", { name: "Run" }).click();
          await visit.page.getByRole("region", { name: "Result" }).waitFor();
        }
        expect({ view, faults: await faultsOf(visit.page, rules) }).toEqual({ view, faults: [] });
      }
      await visit.go("servers");
      await visit.page.getByRole("button", { name: "Add server" }).click();
      await visit.page.getByRole("dialog").waitFor();
      expect(await faultsOf(visit.page, rules)).toEqual([]);
      await visit.page.keyboard.press("Escape");
      await visit.page.getByRole("button", { name: "Sign out" }).click();
      await visit.page.getByText("Open this page by a one-time link").waitFor();
      expect(await faultsOf(visit.page, rules)).toEqual([]);
      expect(await visit.problems()).toEqual([]);
      await visit.close();
    }, axeMs);
  }

  test("fits a telephone in every view", async () => {
    const visit = await open({ width: 360, height: 740 });
    for (const [view, text] of Object.entries(views)) {
      await visit.go(view);
      await visit.page.getByText(text).first().waitFor();
      const tooWide = await visit.page.evaluate(
        "document.documentElement.scrollWidth - innerWidth",
      );
      expect({ view, tooWide }).toEqual({ view, tooWide: 0 });
    }
    await visit.close();
  }, testMs);

  test("can be used by the keyboard alone", async () => {
    const visit = await open();
    const { page } = visit;
    const press = async (key: string) => {
      await page.keyboard.press(key);
      return await focused(page);
    };
    await page.getByRole("row", { name: /files/ }).waitFor();
    expect(await press("Tab")).toBe("Skip to the content");
    await press("Enter");
    expect(await press("Tab")).toBe("Filter servers by name or program");
    expect(await press("Tab")).toBe("Add server");
    await press("Enter");
    await page.getByRole("dialog", { name: "Add a server" }).waitFor();
    await page.keyboard.type("mine");
    expect(await page.getByRole("textbox", { name: "Name" }).inputValue()).toBe("mine");
    expect(await press("Escape")).toBe("Add server");
    expect(await page.getByRole("dialog").count()).toBe(0);
    expect(await press("Tab")).toBe("files");
    await press("Enter");
    await page.getByRole("heading", { name: "files", level: 1 }).waitFor();
    // A screen reader says where the person is now.
    expect(await focused(page)).toBe("files");
    expect(await page.title()).toBe("files · mcp-wrapper");
    expect(await visit.problems()).toEqual([]);
    await visit.close();
  }, testMs);

  test("shows views whose data the gateway has, and no others", async () => {
    const none = () => undefined;
    const bare = await servePageDouble({
      "GET /admin/status": (now) => ({ ...sampleStatus(now), instances: undefined }),
      "GET /admin/tools/changes": none,
      "GET /admin/profiles": none,
      "GET /admin/connect": none,
    });
    const visit = await open({ expected: /status of 404/ }, bare.link);
    const names = visit.page.getByRole("navigation", { name: "Views" }).getByRole("link");
    await visit.page.getByRole("row", { name: /files/ }).waitFor();
    await visit.page.getByRole("link", { name: "Profiles" }).waitFor({ state: "detached" });
    const shown = await names.allInnerTexts();
    expect(shown.map((name) => name.trim().split(/\s/)[0])).toEqual([
      "Servers",
      "Calls",
      "Log",
      "Sessions",
      "Connect",
      "About",
    ]);
    await visit.go("connect");
    await visit.page.getByText("No snippets here").waitFor();
    expect(await visit.problems()).toEqual([]);
    await visit.close();
    await bare.close();
  }, testMs);

  test("drains an instance, after a question", async () => {
    const asked: unknown[] = [];
    const several = await servePageDouble({
      "POST /admin/drain": (_, body) => {
        asked.push(body);
        return body;
      },
    });
    const visit = await open({}, several.link);
    await visit.go("instances");
    const button = (name: string) => visit.page.getByRole("button", { name, exact: true });
    expect(await button("Drain red").isDisabled()).toBe(true);
    await button("Drain green").click();
    await button("Cancel").click();
    await button("Drain blue").click();
    await visit.page.getByText("This page ends with it").waitFor();
    await visit.page.getByRole("dialog").getByRole("button", { name: "Drain" }).click();
    await visit.page.getByText("blue hands its sessions over and stops").waitFor();
    expect(asked).toEqual([{ instance: "blue" }]);
    expect(await visit.problems()).toEqual([]);
    await visit.close();
    await several.close();
  }, testMs);

  test("says what to do where there is nothing yet", async () => {
    const empty = await servePageDouble({
      "GET /admin/status": () => ({ version: "0.1.0", servers: [] }),
      "GET /admin/calls": () => ({ calls: [], showsArguments: false }),
      "GET /admin/log": () => ({ records: [] }),
      "GET /admin/sessions": () => ({ sessions: [] }),
      "GET /admin/tools/changes": () => ({ changes: [] }),
      "GET /admin/profiles": () => ({ profiles: [] }),
    });
    const visit = await open({}, empty.link);
    const texts = {
      servers: "No server yet",
      calls: "No call yet",
      log: "Nothing is logged yet",
      sessions: "No client is connected",
      changes: "Nothing has changed",
      profiles: "No profile yet",
    };
    for (const [view, text] of Object.entries(texts)) {
      await visit.go(view);
      await visit.page.getByText(text).waitFor();
    }
    expect(await visit.problems()).toEqual([]);
    await visit.close();
    await empty.close();
  }, testMs);

  test("comes back by itself when the gateway was away", async () => {
    const moody = await servePageDouble();
    const visit = await open({ expected: /Failed to load|net::ERR/ }, moody.link);
    await visit.page.getByText("Live", { exact: true }).waitFor();
    moody.setAway(true);
    await visit.page.getByText("Connection lost").waitFor();
    moody.setAway(false);
    await visit.page.getByText("Live", { exact: true }).waitFor();
    await visit.close();
    await moody.close();
  }, testMs);

  test("stays smooth with thousands of calls and log lines", async () => {
    const many = await servePageDouble({
      "GET /admin/calls": () => ({
        calls: Array.from({ length: 5_000 }, (_, call) => ({
          call,
          at: new Date().toISOString(),
          surface: "/",
          server: "files",
          method: "tools/call",
          item: `tool ${call}`,
          client: "busy 1",
          principal: "ann",
          ms: 1,
          outcome: "ok",
        })),
        showsArguments: false,
      }),
      "GET /admin/log": () => ({
        records: Array.from({ length: 5_000 }, (_, index) => ({
          time: new Date().toISOString(),
          level: "info",
          source: "busy",
          message: `line ${index}`,
        })),
      }),
    });
    const visit = await open({}, many.link);
    await visit.go("calls");
    await visit.page.getByText("tool 4999").waitFor();
    expect(await visit.page.getByRole("row").count()).toBeLessThan(600);
    await visit.page.getByLabel("Filter calls by text").fill("tool 4990");
    await visit.page.getByText("1 of the latest").waitFor();
    await visit.go("log");
    await visit.page.getByText("line 4999").waitFor();
    expect(await visit.page.locator("#log-lines li").count()).toBeLessThanOrEqual(1_000);
    expect(await visit.problems()).toEqual([]);
    await visit.close();
    await many.close();
  }, testMs);
});
