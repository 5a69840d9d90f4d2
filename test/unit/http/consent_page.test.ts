/** What the consent page shows of clients, which may be hostile. */
import { describe, expect, test } from "bun:test";
import { createPagesHarness, password } from "../../support/oauth_pages.ts";
import type { WaitingAuthorization } from "../../../src/oauth/waiting_authorizations.ts";
import { isWhole } from "../../support/random.ts";

/** The page for a request, as a person sees it who has logged in. */
async function pageFor(changes: Partial<WaitingAuthorization>): Promise<string> {
  const { ask, browser: open } = await createPagesHarness();
  const browser = open();
  const page = await browser.submit(await browser.open(ask(changes)), { name: "ann", password });
  expect([page.status, page.html.includes('value="allow"')]).toEqual([200, true]);
  return page.html;
}

const client = { id: "https://app.example/client.json", kind: "document", host: "app.example" };
const document = (more: object = {}): Partial<WaitingAuthorization> => ({
  client: { ...client, kind: "document", name: "An app", ...more },
  redirectUri: "https://app.example/callback",
});

/** Markup as a page shows it, without its tags. */
const textOf = (html: string) =>
  html.replace(/<style[^]*?<\/style>/, "").replace(/<[^>]*>/g, " ").replace(/\s+/g, " ");

const payloads = [
  "<script>alert(1)</script>",
  '"><img src=x onerror=alert(1)>',
  "'><svg onload=alert(1)>",
  "</title><script>alert(1)</script>",
  "</bdi></dd><form action=https://evil.example><button>Allow",
  "&lt;script&gt;",
  "<meta http-equiv=refresh content='0;url=https://evil.example'>",
  "{{constructor.constructor('alert(1)')()}}",
  "javascript:alert(1)",
  "<!--",
  "<a href=https://evil.example>click</a>",
];

describe("the consent page", () => {
  test("never has a client's words as markup, whatever member they are in", async () => {
    for (const [at, payload] of payloads.entries()) {
      const places = [
        document({ name: payload }),
        document({ id: `https://app.example/${payload}`, name: undefined }),
        document({ uri: payload }),
        document({ uri: `https://app.example/${payload}` }),
        document({ host: payload }),
        { scopes: [payload, `mcp:server:${payload}`] },
        { surface: `/servers/${payload}` },
      ];
      // Each page is a log-in, which costs a slow hash.
      for (const changes of isWhole ? places : [places[at % places.length] ?? {}]) {
        const html = await pageFor(changes);
        expect(html.match(/<(script|img|svg|iframe|a|object|base)\b/g)).toBeNull();
        expect(html.match(/<form\b/g)?.length).toBe(2);
        expect(html.match(/<meta http-equiv/g)).toBeNull();
        expect(html).not.toContain("<!--");
        expect(html).not.toMatch(/(?:href|src|action)="(?!\/oauth\/)/);
      }
    }
  });

  test("goes to a redirect with markup in it without leaving its attribute", async () => {
    const { ask, browser: open } = await createPagesHarness();
    const browser = open();
    const redirectUri = `https://app.example/cb?x="><script>alert(1)</script>'`;
    const page = await browser.submit(await browser.open(ask({ redirectUri })), {
      name: "ann",
      password,
    });
    const left = await browser.submit(page, { decision: "allow" });
    expect(left.html).not.toContain("<script");
    expect(left.leavesTo?.startsWith("https://app.example/cb?x=%22%3E%3Cscript%3E")).toBe(true);
  });

  test("refuses to send a browser to a scheme that runs in the browser itself", async () => {
    for (const scheme of ["javascript:alert(1)//", "data:text/html,x", "vbscript:x", "blob:x"]) {
      const { ask, browser: open } = await createPagesHarness();
      const browser = open();
      const page = await browser.submit(await browser.open(ask({ redirectUri: scheme })), {
        name: "ann",
        password,
      });
      const left = await browser.submit(page, { decision: "allow" });
      expect([left.status, left.leavesTo]).toEqual([500, undefined]);
    }
  });

  test("shows names on one line, cut, with what cannot be seen spelled out", async () => {
    const shown = async (name: string) => textOf(await pageFor(document({ name })));
    expect(await shown("a\u202eevil\u2066b")).toContain("a\\u{202e}evil\\u{2066}b");
    expect(await shown("zero\u200bwidth\u00ad")).toContain("zero\\u{200b}width\\u{ad}");
    expect(await shown("two\nlines\u0000")).toContain("two lines\\u{0}");
    expect(await shown("\u3164\u3164")).toContain("\\u{3164}\\u{3164}");
    const long = await shown("x".repeat(5_000));
    expect(long.match(/x+…/)?.[0].length).toBe(100);
    expect(await shown("a" + "\u0301".repeat(500))).not.toContain("\u0301".repeat(5));
    // A client without a visible name is called by its id.
    expect(await shown("   ")).toContain("https://app.example/client.json");
  });

  test("says who vouches for the client, and where the answer goes", async () => {
    const known = textOf(await pageFor(document()));
    expect(known).toContain("Published by app.example");
    expect(known).toContain("Goes back to app.example");
    expect(known).not.toContain("own claim");
    expect(textOf(await pageFor({}))).toContain("this name is its own claim; nothing proves it");
    expect(textOf(await pageFor({ ...document(), redirectUri: "https://other.example/x" })))
      .toContain("The answer goes to other.example, not to app.example.");
    expect(textOf(await pageFor(document({ uri: "https://home.example/x" }))))
      .toContain("Its website, as it says home.example");
  });

  test("warns where a program on the device gets the answer", async () => {
    const words = "goes to a program on this device";
    expect(textOf(await pageFor(document()))).not.toContain(words);
    for (
      const [redirectUri, place] of [
        ["http://localhost:4711/callback", "this computer (localhost:4711)"],
        ["http://127.0.0.1:1/", "this computer (127.0.0.1:1)"],
        ["http://[::1]:1/", "this computer ([::1]:1)"],
        ["cursor://anysphere.cursor-mcp/oauth/callback", "a program on this device (cursor:)"],
      ] as const
    ) {
      const text = textOf(await pageFor({ ...document(), redirectUri }));
      expect([redirectUri, text.includes(words), text.includes(place)])
        .toEqual([redirectUri, true, true]);
    }
  });

  test("warns of names that imitate", async () => {
    const words = "The name is that of a well-known client, but it comes from app.example.";
    const alike = "mixes letters of several scripts";
    const warned = async (name: string, more: object = {}) =>
      textOf(await pageFor(document({ name, ...more })));
    for (const name of ["Claude", "CLAUDE Desktop", "Clàude", "ChatGPT", "Visual Studio Code"]) {
      expect(await warned(name)).toContain(words);
    }
    expect(await warned("Сlaude \u0441laude")).toContain("The name");
    expect(await warned("An app")).not.toContain("The name");
    const real = { host: "claude.ai", id: "https://claude.ai/oauth/metadata" };
    expect(await warned("Claude", real)).not.toContain(words);
    expect(
      textOf(
        await pageFor({
          client: { id: "x", kind: "registration", name: "pаypal" },
          redirectUri: "http://localhost/",
        }),
      ),
    )
      .toContain(alike);
  });

  test("says in words what is asked for, at which endpoint", async () => {
    const text = textOf(
      await pageFor({
        scopes: ["mcp", "mcp:server:files", "offline_access", "other"],
        surface: "/servers/files",
      }),
    );
    expect(text).toContain("use all servers and tools that you may use");
    expect(text).toContain("use the server files");
    expect(text).toContain("stay connected until you or the operator of this gateway ends it");
    expect(text).toContain("other");
    expect(text).toContain("http://localhost:8999/servers/files");
  });
});
