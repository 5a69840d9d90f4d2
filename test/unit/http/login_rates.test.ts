/** How often a log-in may be tried, and what the answers tell about users. */
import { describe, expect, test } from "bun:test";
import { defaultLimits } from "../../../src/limits.ts";
import { createPagesHarness, password } from "../../support/oauth_pages.ts";
import { openBrowser } from "../../support/oauth_person.ts";

const login = "http://localhost:8999/oauth/login";

describe("log-ins", () => {
  test("with one name are slowed down, and allowed again after the wait that the page names", async () => {
    const { browser: open, clock } = await createPagesHarness();
    const browser = open();
    const page = await browser.open(login);
    const attempt = (name: string, secret: string) =>
      browser.submit(page, { name, password: secret });
    for (let count = 0; count < defaultLimits.loginsPerNameMax; count += 1) {
      expect((await attempt("ann", `wrong password ${count}`)).status).toBe(403);
    }
    const refused = await attempt("ann", password);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "30"]);
    expect(refused.html).toContain("Try again in 30 seconds.");
    // Another name is not concerned.
    expect((await attempt("bob", "wrong password")).status).toBe(403);
    clock.advance(29_000);
    expect((await attempt("ann", password)).headers.get("retry-after")).toBe("1");
    clock.advance(1_000);
    expect((await attempt("ann", password)).html).toContain("You are logged in");
  });

  test("of one address are slowed down over all names, those of another are not", async () => {
    const { handler } = await createPagesHarness();
    const from = async (remoteAddress: string, name: string) => {
      const browser = openBrowser((request) => handler.fetch(request, { remoteAddress }));
      const page = await browser.open(login);
      return (await browser.submit(page, { name, password: "wrong password" })).status;
    };
    for (let count = 0; count < defaultLimits.loginsPerAddressMax; count += 1) {
      expect(await from("192.0.2.9", `name${count}`)).toBe(403);
    }
    expect(await from("192.0.2.9", "name")).toBe(429);
    expect(await from("192.0.2.10", "name")).toBe(403);
    // The addresses of one IPv6 network count together.
    for (let count = 0; count < defaultLimits.loginsPerAddressMax; count += 1) {
      expect(await from(`2001:db8::${count + 1}`, `other${count}`)).toBe(403);
    }
    expect(await from("2001:db8::ffff", "name")).toBe(429);
    expect(await from("2001:db8:0:1::1", "name")).toBe(403);
  });

  test("answer an unknown name as a wrong password, by the same steps", async () => {
    const { browser: open, people } = await createPagesHarness();
    await people.users.add("linked", { roles: [], groups: [] });
    const answers: string[] = [];
    for (const name of ["ann", "unknown", "linked", "", "ann\u0000", "x".repeat(9_000)]) {
      const browser = open();
      const page = await browser.submit(await browser.open(login), {
        name,
        password: "wrong password",
      });
      const [words] = /<p class="bad"[^]*?<\/p>/.exec(page.html) ?? [];
      answers.push(`${page.status} ${words}`);
    }
    expect(new Set(answers).size).toBe(1);
  });

  test("that are too many at once are asked to come back, and none waits without end", async () => {
    const { people } = await createPagesHarness({ limits: { passwordsWaitingMax: 2 } });
    const outcomes = await Promise.all(
      ["a", "b", "c", "d"].map((name) =>
        people.logins.withPassword(name, "wrong password", { remoteAddress: "192.0.2.1" })
      ),
    );
    const wait = { state: "wait", waitMs: defaultLimits.passwordBusyMs };
    expect(outcomes).toEqual([{ state: "wrong" }, { state: "wrong" }, wait, wait] as never);
  });
});
