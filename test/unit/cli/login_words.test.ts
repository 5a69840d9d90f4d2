/** Log-ins at servers, as a person reads them. */
import { describe, expect, test } from "bun:test";
import type { GrantView, LoginView } from "../../../src/cli/admin_forms.ts";
import {
  toExpiry,
  toGrantLine,
  toLoginLines,
  toLoginWords,
  toRefresh,
} from "../../../src/cli/login_words.ts";
import { toAdvice } from "../../../src/cli/server_advice.ts";

const now = Date.parse("2026-11-28T12:00:00Z");
const grant: GrantView = {
  principal: "user:ann",
  issuer: "https://issuer.example",
  scopes: ["read", "write"],
  grantedAt: "2026-11-28T11:00:00Z",
  expiresAt: "2026-11-28T12:30:00Z",
  isRefreshable: true,
};
const login = (state: string, grants: readonly GrantView[] = []): LoginView => ({
  grant: "each",
  state,
  grants,
});

describe("log-ins in words", () => {
  test("say where they stand, and whose they are", () => {
    const bob = { ...grant, principal: "user:bob" };
    const words = (view: LoginView) => toLoginWords(view).words;
    expect(words(login("granted", [grant, bob, grant]))).toBe("granted to user:ann, user:bob");
    expect(words(login("granted", [{ ...grant, principal: undefined }]))).toBe("granted to all");
    expect(words(login("needed"))).toBe("log-in needed");
    expect(words(login("unasked"))).toBe("no log-in needed so far");
    expect(words({ ...login("impossible"), problem: "it is open" }))
      .toBe("no log-in possible: it is open");
  });

  test("say when a grant ends, and what happens then", () => {
    const rows: [Partial<GrantView>, string][] = [
      [{}, "in 30 min, renewed by itself"],
      [{ isRefreshable: false }, "in 30 min"],
      [{ expiresAt: undefined }, "unknown, renewed by itself"],
      [{ expiresAt: undefined, isRefreshable: false }, "unknown"],
      [{ expiresAt: "2026-11-28T11:59:00Z" }, "expired, renewed at the next call"],
      [{ expiresAt: "2026-11-28T11:59:00Z", isRefreshable: false }, "expired: log in again"],
    ];
    for (const [changes, words] of rows) {
      expect(toExpiry({ ...grant, ...changes }, now)).toBe(words);
    }
  });

  test("say how the last refresh went, and what to do", () => {
    const at = "2026-11-28T11:58:00Z";
    const failed = (isFinal: boolean) => ({
      ...grant,
      failure: { problem: "the issuer\nrefuses it", at, isFinal },
    });
    expect(toRefresh(grant, now)).toBe("never");
    expect(toRefresh({ ...grant, refreshedAt: at }, now)).toBe("2 min ago");
    expect(toRefresh(failed(false), now))
      .toBe("failed 2 min ago: the issuer refuses it; tried again at the next call");
    expect(toRefresh(failed(true), now))
      .toBe("failed 2 min ago: the issuer refuses it; log in again");
  });

  test("have a line for each grant, one for a missing log-in, and else none", () => {
    const line = "granted to user:ann: scopes read write; expires in 30 min, renewed by itself; " +
      "last refresh never";
    expect(toGrantLine(grant, now)).toBe(line);
    expect(toLoginLines(login("granted", [grant, grant]), now)).toEqual([line, line]);
    expect(toLoginLines(login("needed"), now)).toEqual(["log-in needed"]);
    expect(toLoginLines(login("unasked"), now)).toEqual([]);
    expect(toLoginLines(undefined, now)).toEqual([]);
  });

  test("come with the command that logs in", () => {
    const server = { name: "my docs", state: "needs_login", kind: "http" };
    const command = "mcp-wrapper auth login 'my docs'";
    expect(toAdvice({ ...server, login: { ...login("needed"), grant: "shared" } }, true))
      .toEqual([`Log in: ${command}`]);
    expect(toAdvice({ ...server, login: login("needed") }, true).join())
      .toContain(`${command} --principal ID`);
  });

  test("say that a check has no log-in where others have one", () => {
    const server = { name: "docs", state: "needs_login", kind: "http" };
    const words = (one: LoginView) => toAdvice({ ...server, login: one }, true).join();
    expect(words(login("needed", [grant]))).toContain("this check has no log-in of its own");
    expect(words(login("needed"))).not.toContain("this check");
  });

  test("say what stands against a log-in where none is possible", () => {
    const server = { name: "docs", state: "needs_login", kind: "http" };
    expect(toAdvice(server, true).join()).toContain('remove "oauth": false');
    expect(toAdvice(server, true).join()).not.toContain("auth login");
  });
});
