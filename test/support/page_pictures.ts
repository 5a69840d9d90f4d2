/**
 * Takes the pictures of the operator's page in `docs/pictures`: `bun test/support/page_pictures.ts`.
 * The data is made up (page_sample.ts), the time is fixed, and each view has one picture; the servers
 * have one in light and one on a telephone, too.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { Browser, Page } from "playwright-core";
import { openBrowser } from "./browser.ts";
import { type DoubleRoutes, servePageDouble, usualRoutes } from "./page_double.ts";
import { projectDirectory } from "./runtimes.ts";
import { toSmallPng } from "./small_png.ts";

const folder = join(projectDirectory, "docs", "pictures");
const moment = Date.parse("2026-03-17T09:41:00");

/** One picture; `prepare` brings the view into the state that is shown. */
interface Picture {
  readonly file: string;
  readonly view: string;
  readonly text: string;
  readonly colorScheme?: "dark" | "light";
  readonly width?: number;
  readonly height?: number;
  readonly prepare?: (page: Page) => Promise<void>;
}

async function tryTool(page: Page): Promise<void> {
  await page.getByLabel("query").fill("is:open label:bug");
  await page.getByRole("button", { name: "Run" }).click();
  await page.getByRole("region", { name: "Result" }).waitFor();
  await page.getByRole("heading", { name: "Search issues" }).scrollIntoViewIfNeeded();
}

const pictures: readonly Picture[] = [
  { file: "servers-dark", view: "servers", text: "crash loop", height: 680 },
  {
    file: "servers-light",
    view: "servers",
    text: "crash loop",
    height: 680,
    colorScheme: "light",
  },
  { file: "servers-telephone", view: "servers", text: "crash loop", width: 390, height: 780 },
  {
    file: "server",
    view: "servers/github/tools/search_issues",
    text: "What to search for",
    height: 1240,
    prepare: tryTool,
  },
  { file: "calls", view: "calls", text: "github__search_issues", colorScheme: "light" },
  { file: "log", view: "log", text: "Given up after 3 starts", height: 640 },
  { file: "sessions", view: "sessions", text: "nightly-report", height: 440 },
  { file: "changes", view: "changes", text: "withheld from clients", colorScheme: "light" },
  { file: "profiles", view: "profiles", text: "/profiles/support/mcp", height: 600 },
  { file: "connect", view: "connect", text: "claude_desktop_config.json" },
  { file: "about", view: "about", text: "Clients authenticate by", height: 440 },
];

async function take(browser: Browser, base: string, picture: Picture): Promise<number> {
  const { file, view, text, prepare, colorScheme = "dark", width = 1280, height = 800 } = picture;
  const context = await browser.newContext({
    colorScheme,
    viewport: { width, height },
    reducedMotion: "reduce",
    timezoneId: "UTC",
  });
  const page = await context.newPage();
  await page.clock.setFixedTime(moment);
  await page.goto(base);
  await page.locator("h1").waitFor();
  await page.goto(`${page.url()}#/${view}`);
  await page.getByText(text).first().waitFor();
  await page.getByText("Live", { exact: true }).waitFor();
  await prepare?.(page);
  // No focus ring and no hover from how the view was reached.
  await page.evaluate("document.activeElement?.blur()");
  await page.mouse.move(0, 0);
  const bytes = toSmallPng(await page.screenshot({ animations: "disabled" }));
  writeFileSync(join(folder, `${file}.png`), bytes);
  await context.close();
  return bytes.length;
}

/** The usual answers, as if it were that moment. */
const routes: DoubleRoutes = Object.fromEntries(
  Object.entries(usualRoutes).map(([route, answer]) => [
    route,
    (_now: number, body: Readonly<Record<string, unknown>>) => answer(moment, body),
  ]),
);

mkdirSync(folder, { recursive: true });
const double = await servePageDouble(routes);
const browser = await openBrowser();
for (const picture of pictures) {
  const bytes = await take(browser, double.link, picture);
  console.log(`docs/pictures/${picture.file}.png  ${Math.ceil(bytes / 1_000)} kB`);
}
await browser.close();
await double.close();
process.exit(0);
