/** Credentials in the configuration or in files: what is sent, and what stays hidden. */
import { describe, expect, test } from "bun:test";
import type { CredentialsConfig } from "../../../src/config/config.ts";
import { createAuthorization } from "../../../src/credentials/credential_kinds.ts";
import { createCredentialDeps, never, unauthorized, useOf } from "../../support/credentials.ts";
import { createTestClock } from "../../support/clock.ts";

function open(credentials: CredentialsConfig, files = new Map<string, string | undefined>()) {
  const clock = createTestClock();
  const deps = createCredentialDeps({ files, clock });
  const authorization = createAuthorization({ server: "far", credentials }, deps);
  const get = async () => await authorization.get(useOf("search"), never);
  return {
    authorization,
    deps,
    clock,
    files,
    get,
    async context() {
      const credential = await get();
      if (credential.state !== "ready") throw new Error(JSON.stringify(credential));
      expect(credential.isDegraded).toBe(false);
      return credential.context;
    },
    async problem() {
      const credential = await get();
      return credential.state === "failed" ? credential.problem : JSON.stringify(credential);
    },
  };
}

const file = { file: "/secrets/one" };

describe("a credential that is known", () => {
  const shown: [string, CredentialsConfig, Record<string, Record<string, string>>][] = [
    ["nothing", { type: "none" }, {}],
    [
      "a key in a header",
      { type: "api_key", in: "header", name: "X-Key", prefix: "Token ", key: "abc" },
      { headers: { "x-key": "Token abc" } },
    ],
    [
      "a key in the query",
      { type: "api_key", in: "query", name: "k", key: "a&b" },
      { query: { k: "a&b" } },
    ],
    [
      "a key in a cookie",
      { type: "api_key", in: "cookie", name: "sid", key: "abc" },
      { cookies: { sid: "abc" } },
    ],
    ["a token", { type: "bearer", token: "abc" }, { headers: { authorization: "Bearer abc" } }],
    [
      "a name and a password, as UTF-8",
      { type: "basic", username: "test", password: "123£" },
      { headers: { authorization: "Basic dGVzdDoxMjPCow==" } },
    ],
    [
      "headers",
      { type: "headers", headers: { "x-a": "1", "x-b": "2" } },
      { headers: { "x-a": "1", "x-b": "2" } },
    ],
  ];
  for (const [what, credentials, context] of shown) {
    test(`is sent as ${what}`, async () => {
      const { context: contextOf, authorization } = open(credentials);
      const found = await contextOf();
      expect(found).toEqual({ headers: {}, query: {}, cookies: {}, ...context });
      expect(await authorization.renew(found, useOf("search"), never, unauthorized)).toBe(false);
    });
  }

  test("that is not set fails with what to do", async () => {
    const { problem } = open({ type: "unset", problem: "needs a log-in; set A" });
    expect(await problem()).toBe("needs a log-in; set A");
  });

  test("is hidden from the log, in the form in which it is sent, too", async () => {
    const { context, deps } = open({ type: "basic", username: "Aladdin", password: "open sesame" });
    await context();
    expect([...deps.hidden]).toEqual(["open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="]);
  });
});

describe("a credential in a file", () => {
  test("is read whenever it is needed, so a change takes effect", async () => {
    const { context, files, authorization, deps } = open(
      { type: "bearer", token: file },
      new Map([[file.file, " first-token\n"]]),
    );
    const first = await context();
    expect(first.headers).toEqual({ authorization: "Bearer first-token" });
    expect(await authorization.renew(first, useOf(), never, unauthorized)).toBe(false);
    files.set(file.file, "second-token");
    expect(await authorization.renew(first, useOf(), never, unauthorized)).toBe(true);
    expect((await context()).headers).toEqual({ authorization: "Bearer second-token" });
    expect([...deps.hidden]).toEqual(["first-token", "second-token"]);
  });

  const unusable: [string, Map<string, string | undefined>, string][] = [
    ["is not there", new Map(), "does not exist; create it, or correct the path"],
    ["cannot be read", new Map([[file.file, undefined]]), "cannot be read; check its permissions"],
    ["is empty", new Map([[file.file, "\n"]]), ": expected a token, got an empty text"],
    [
      "has two lines",
      new Map([[file.file, "hunter2\nx-admin: 1"]]),
      ": expected a token without spaces, line breaks or characters beyond ASCII",
    ],
  ];
  for (const [what, files, words] of unusable) {
    test(`that ${what} names its key, and shows neither its path nor its text`, async () => {
      const { problem, deps } = open({ type: "bearer", token: file }, files);
      const told = await problem();
      expect(told).toContain("has no credentials: the file of credentials.token");
      expect(told).toContain(words);
      expect(JSON.stringify([told, deps.records])).not.toMatch(/hunter2|secrets\/one/);
    });
  }

  test("on a hanging disk fails at its time limit", async () => {
    const { deps, clock } = open({ type: "none" });
    const hanging = createAuthorization(
      { server: "far", credentials: { type: "bearer", token: file } },
      { ...deps, runtime: { ...deps.runtime, readText: () => new Promise(() => {}) } },
    );
    const credential = hanging.get(useOf(), never);
    clock.advance(deps.limits.secretFileMs);
    expect(await credential).toEqual({
      state: "failed",
      problem: "has no credentials: the file of credentials.token takes too long to read",
    });
  });

  test("ends no header and begins no other, whatever is in it", async () => {
    const kinds: CredentialsConfig[] = [
      { type: "api_key", in: "header", name: "x-key", key: file },
      { type: "api_key", in: "query", name: "key", key: file },
      { type: "api_key", in: "cookie", name: "key", key: file },
      { type: "basic", username: file, password: "p" },
      { type: "basic", username: "u", password: file },
      { type: "headers", headers: { "x-a": file } },
    ];
    for (const credentials of kinds) {
      const told = await open(credentials, new Map([[file.file, "a\r\nx-b: hunter2"]])).problem();
      expect(told).toContain("expected a");
      expect(told).not.toContain("hunter2");
    }
  });
});
