/**
 * The browser of the tests: Debian's Chromium, or the one that `MCP_TEST_CHROMIUM` names, driven by
 * playwright-core, which downloads none. Without one the suites that need it are skipped.
 */
import { existsSync } from "node:fs";
import process from "node:process";
import { type Browser, chromium } from "playwright-core";

const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** The program; undefined if there is none. */
export const browserPath: string | undefined = [process.env["MCP_TEST_CHROMIUM"], ...places]
  .find((path) => path !== undefined && existsSync(path));

/** Starts it. Throws where there is none. */
export async function openBrowser(): Promise<Browser> {
  if (browserPath === undefined) {
    throw new Error("No Chromium: install it, or name it in MCP_TEST_CHROMIUM");
  }
  // As root, as in containers, Chromium has no sandbox of its own.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return await chromium.launch({ executablePath: browserPath, args });
}
