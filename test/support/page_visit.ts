/**
 * One visit of the operator's page by the tests' browser, with everything that must not happen on it:
 * errors on its console, violations of its policy, dialogs of the browser, and failed scripts.
 */
import type { Browser, BrowserContext, Page } from "playwright-core";

/** How the browser looks at the page. */
export interface VisitOptions {
  readonly colorScheme?: "dark" | "light";
  readonly width?: number;
  readonly height?: number;
  /** Messages of the console that a test causes on purpose. */
  readonly expected?: RegExp;
}

/** A visit. */
export interface PageVisit {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What must not have happened, in words. */
  problems(): Promise<readonly string[]>;
  /** Goes to a view by its part of the address: `servers/files`. */
  go(view: string): Promise<void>;
  close(): Promise<void>;
}

/** Runs in the page before its own scripts: the policy's violations are kept for the test. */
const keepViolations = `globalThis.policyViolations = [];
addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sourceFile }) =>
  policyViolations.push(violatedDirective + " " + blockedURI + " " + sourceFile));`;

/** Opens a window of its own, without the memory of any other. */
export async function openVisit(browser: Browser, options: VisitOptions = {}): Promise<PageVisit> {
  const { colorScheme = "dark", width = 1280, height = 900, expected } = options;
  const context = await browser.newContext({ colorScheme, viewport: { width, height } });
  const page = await context.newPage();
  const found: string[] = [];
  page.on("console", (message) => {
    const text = `${message.text()} ${message.location().url}`;
    if (message.type() !== "error" || expected?.test(text) === true) return;
    found.push(`console: ${text}`);
  });
  page.on("pageerror", (fault) => found.push(`script: ${fault.stack ?? fault.message}`));
  page.on("dialog", (dialog) => {
    found.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.addInitScript(keepViolations);
  return {
    page,
    context,
    async problems() {
      const violations = await page.evaluate<readonly string[]>("policyViolations");
      return [...found, ...violations.map((violation) => `policy: ${violation}`)];
    },
    async go(view) {
      await page.goto(`${page.url().replace(/#.*/, "")}#/${view}`);
      await page.locator("h1").waitFor();
    },
    close: () => context.close(),
  };
}
