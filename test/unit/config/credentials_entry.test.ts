/** Credentials in `mcp.json`: what each kind becomes, and which errors invalid ones cause. */
import { describe, expect, test } from "bun:test";
import type { FailedServerConfig, RestServerConfig } from "../../../src/config/config.ts";
import { isOfKind } from "../../../src/config/server_kind.ts";
import { failed, fileName, http, readOne, shell, stdio } from "./read.ts";

const url = "https://example.com/mcp";
const env = { ...shell, KEY: "key-value", NAME: "Jürgen", EMPTY: "" };

const credentialsOf = async (credentials: unknown) =>
  http(await readOne({ url, credentials }, env)).credentials;

const signing = { clientAuthentication: "private_key_jwt", privateKey: "hunter2" };
const enterprise = { type: "enterprise", clientId: "me", subjectToken: "hunter2" };

describe("credentials of a server", () => {
  test("become what their provider needs, with references replaced", async () => {
    expect(await credentialsOf({ type: "none" })).toEqual({ type: "none" });
    expect(
      await credentialsOf({ type: "api_key", in: "header", name: "X-Key", key: "${KEY}" }),
    ).toEqual({ type: "api_key", in: "header", name: "X-Key", key: "key-value" });
    expect(
      await credentialsOf({ type: "api_key", in: "query", name: "k", prefix: "a b", key: "é" }),
    ).toEqual({ type: "api_key", in: "query", name: "k", prefix: "a b", key: "é" });
    expect(await credentialsOf({ type: "basic", username: "${NAME}", password: "p:q" }))
      .toEqual({ type: "basic", username: "Jürgen", password: "p:q" });
    const headers = { "X-A": "a ${KEY}", "X-B": { file: "~/b" } };
    expect(await credentialsOf({ type: "headers", headers })).toEqual({
      type: "headers",
      headers: { "x-a": "a key-value", "x-b": { file: "/home/me/b" } },
    });
  });

  test("of OAuth 2 have its defaults", async () => {
    const tokenUrl = "https://login.example.com/token";
    expect(
      await credentialsOf({ type: "oauth2", tokenUrl, clientId: "me", clientSecret: "${KEY}" }),
    ).toEqual({
      type: "oauth2",
      grant: "client_credentials",
      clientAuthentication: "basic",
      tokenUrl,
      clientId: "me",
      clientSecret: "key-value",
    });
    const issuer = "http://localhost:8080/realms/a";
    const refreshToken = { file: "./refresh" };
    const given = {
      type: "oauth2" as const,
      grant: "refresh_token" as const,
      issuer,
      clientId: "me",
      refreshToken,
      scope: "read write",
      resource: "https://api.example.com",
    };
    expect(await credentialsOf(given)).toEqual({
      ...given,
      clientAuthentication: "basic",
      refreshToken: { file: "/etc/gateway/refresh" },
    });
  });

  test("are hidden from the log, except names of identities", async () => {
    const oauth = {
      type: "oauth2",
      tokenUrl: "https://a.test/token",
      clientId: "client-name",
      clientSecret: "client-secret",
    };
    expect([...(await readOne({ url, credentials: oauth })).secrets].sort())
      .toEqual(["client-secret"]);
    const basic = { type: "basic", username: "${OAUTH_NAME}", password: "password-of-mine" };
    const env = { OAUTH_NAME: "alice" };
    expect((await readOne({ url, credentials: basic }, env)).secrets).toEqual(["password-of-mine"]);
    const headers = { type: "headers", headers: { "x-a": "header-value" } };
    expect((await readOne({ url, credentials: headers })).secrets).toEqual(["header-value"]);
  });

  test("of an enterprise and a workload are read with their defaults", async () => {
    const provider = { issuer: "https://id.test", clientId: "gateway" };
    const given = {
      type: "enterprise",
      clientId: "me",
      identityProvider: provider,
      subjectToken: { file: "/id" },
      dpop: true,
    };
    const config = await readOne({ url, credentials: given }, env);
    expect(http(config).credentials).toEqual({
      ...given,
      type: "enterprise",
      clientAuthentication: "basic",
      identityProvider: { ...provider, clientAuthentication: "basic" },
      subjectTokenType: "id_token",
    });
    expect(config.warnings[0]).toContain("credentials.subjectToken");
    const workload = { type: "workload", assertion: "${JWT}", scope: "read", dpop: false };
    const read = await readOne({ url, credentials: workload }, { JWT: "header.claims.signature" });
    expect(http(read).credentials).toEqual({
      type: "workload",
      assertion: "header.claims.signature",
      scope: "read",
    });
    expect(read.secrets).toEqual(["header.claims.signature"]);
  });

  test("in a missing file of an identity provider cause a warning", async () => {
    const identityProvider = {
      issuer: "https://id.test",
      clientId: "gateway",
      clientSecret: { file: "/nowhere" },
    };
    const credentials = { ...enterprise, identityProvider };
    const [warning] = (await readOne({ url, credentials }, env)).warnings;
    expect(warning).toContain("the file of mcpServers.files.credentials.identityProvider.client");
  });

  test("in a missing or empty file cause a warning and stop nothing", async () => {
    const files = { "/there": "key-value\n", "/empty": " \n" };
    const warningsOf = async (file: string) => {
      const credentials = { type: "bearer", token: { file } };
      const config = await readOne({ url, credentials }, env, false, files);
      expect(http(config).credentials).toEqual({ type: "bearer", token: { file } });
      return config.warnings;
    };
    expect(await warningsOf("/there")).toEqual([]);
    for (const file of ["/nowhere", "/empty", "/unreadable"]) {
      const [warning, ...more] = await warningsOf(file);
      expect(warning).toContain(
        `the file of mcpServers.files.credentials.token in ${fileName}, or it is empty: calls fail`,
      );
      expect(warning).not.toContain(file);
      expect(more).toEqual([]);
    }
  });
});

const oauth = { type: "oauth2", clientId: "me", clientSecret: "hunter2" };
const key = { type: "api_key", in: "header", name: "x-key", key: "hunter2" };

describe("credentials that cannot be used", () => {
  const wrong: [string, unknown, string][] = [
    ["a key in no place", { ...key, in: "body" }, '.in in FILE: expected "header", "query" or'],
    [
      "a key without a name",
      { ...key, name: undefined },
      ".name in FILE: expected a string, got nothing",
    ],
    [
      "a key in no such place",
      { ...key, in: undefined },
      `.in in FILE: expected "header", "query" or`,
    ],
    ["a header that is none", { ...key, name: "x key" }, ".name in FILE: not a valid header name"],
    ["a header of ours", { ...key, name: "Accept" }, ".name in FILE: is set by the gateway"],
    [
      "a cookie that is none",
      { ...key, in: "cookie", name: "a=b" },
      ".name in FILE: not a valid cookie name",
    ],
    ["a key of two lines", { ...key, key: "hunter2\r\nx: y" }, ".key in FILE: expected a value on"],
    [
      "a key that ends a cookie",
      { ...key, in: "cookie", key: "hunter2; a=b" },
      ".key in FILE: expected a value for a cookie",
    ],
    [
      "a prefix that begins another header",
      { ...key, prefix: "a\nb" },
      ".prefix in FILE: expected a value on one line",
    ],
    [
      "a name with a colon",
      { type: "basic", username: "a:b", password: "hunter2" },
      ".username in FILE: expected a user name on one line, without a colon",
    ],
    [
      "an empty password",
      { type: "basic", username: "a", password: "${EMPTY}" },
      ".password in FILE: expected a password, got an empty text",
    ],
    [
      "a variable that is not there",
      { type: "basic", username: "a", password: "${NOPE}" },
      ".password in FILE: the environment variable NOPE is not set",
    ],
    ["no headers", { type: "headers", headers: {} }, ".headers in FILE: expected at least one"],
    [
      "a header twice",
      { type: "headers", headers: { "x-a": "hunter2", "X-A": "b" } },
      ".headers.X-A in FILE: appears twice",
    ],
    [
      "no place to ask for a refresh",
      { ...oauth, grant: "refresh_token", refreshToken: "hunter2" },
      " in FILE: expected either issuer or tokenUrl",
    ],
    [
      "a key that signs nothing",
      { ...oauth, privateKey: "hunter2" },
      ".privateKey in FILE: has no meaning without clientAuthentication",
    ],
    [
      "an algorithm that signs nothing",
      { ...oauth, algorithm: "ES256" },
      ".algorithm in FILE: has no meaning without clientAuthentication",
    ],
    [
      "a shared algorithm",
      { ...oauth, ...signing, algorithm: "HS256" },
      '.algorithm in FILE: expected "ES256", "ES384", "EdDSA", "PS256" or "RS256"',
    ],
    [
      "a signing client without a key",
      { ...oauth, ...signing, privateKey: undefined, clientSecret: undefined },
      ".privateKey in FILE: is needed for clientAuthentication",
    ],
    [
      "a secret next to a key",
      { ...oauth, ...signing },
      ".clientSecret in FILE: has no meaning with clientAuthentication",
    ],
    [
      "an identity provider without a place",
      { ...enterprise, identityProvider: { clientId: "me" } },
      ".identityProvider in FILE: expected either issuer or tokenUrl",
    ],
    [
      "an identity provider in plain text",
      { ...enterprise, identityProvider: { clientId: "me", issuer: "http://id.test" } },
      ".identityProvider.issuer in FILE: expected an absolute URL with https:",
    ],
    [
      "an assertion of two lines",
      { type: "workload", assertion: "hunter2\na" },
      ".assertion in FILE: expected a token without spaces",
    ],
    [
      "a misspelled key of a workload",
      { type: "workload", assertion: "hunter2", scopes: "a" },
      ".scopes in FILE: expected no keys but type, issuer, scope, resource, dpop",
    ],
    [
      "two places to ask",
      { ...oauth, issuer: "https://a.test", tokenUrl: "https://a.test/token" },
      " in FILE: expected either issuer or tokenUrl",
    ],
    [
      "a place in plain text",
      { ...oauth, tokenUrl: "http://login.example.com/token" },
      ".tokenUrl in FILE: expected an absolute URL with https:, or with http: on this machine",
    ],
    [
      "no URL",
      { ...oauth, issuer: "login.example.com" },
      ".issuer in FILE: expected an absolute URL with https:",
    ],
    [
      "a log-in in the URL",
      { ...oauth, issuer: "https://me:hunter2@a.test" },
      ".issuer in FILE: expected a URL without a login",
    ],
    [
      "nothing to refresh",
      { ...oauth, tokenUrl: "https://a.test", grant: "refresh_token" },
      ".refreshToken in FILE: is needed for the grant",
    ],
    [
      "no secret of its own",
      { type: "oauth2", clientId: "me", tokenUrl: "https://a.test" },
      ".clientSecret in FILE: is needed for the grant",
    ],
    [
      "a refresh token that nothing uses",
      { ...oauth, tokenUrl: "https://a.test", refreshToken: "hunter2" },
      ".refreshToken in FILE: has no meaning without the grant",
    ],
    [
      "a variable for no program",
      { type: "bearer", token: "hunter2", env: "TOKEN" },
      ".env in FILE: has no meaning for a server that is not a program",
    ],
  ];
  for (const [what, credentials, problem] of wrong) {
    test(`${what} fails the server, with the key and what to do, and shows no value`, async () => {
      const told = failed(await readOne({ url, credentials }, env)).problem;
      expect(told).toContain(`mcpServers.files.credentials${problem.replace("FILE", fileName)}`);
      expect(told).not.toContain("hunter2");
    });
  }

  for (
    const [kind, entry] of [
      ["a web API", { openapi: "./a.yaml" }],
      ["a program", { command: "run" }],
    ] as const
  ) {
    test(`${kind} names no authorization server, so the configuration must`, async () => {
      for (const type of ["oauth2", "workload"]) {
        const credentials = type === "oauth2" ? oauth : { type, assertion: "hunter2" };
        const env = kind === "a program" ? { env: "TOKEN" } : {};
        const { problem } = failed(
          await readOne({ ...entry, credentials: { ...credentials, ...env } }),
        );
        expect(problem).toContain("credentials in mcp.json: expected either issuer or tokenUrl");
      }
    });
  }

  test("a program cannot prove anything with a key of the gateway", async () => {
    const credentials = { ...oauth, issuer: "https://a.test", dpop: true, env: "TOKEN" };
    const { problem } = failed(await readOne({ command: "run", credentials }));
    expect(problem).toContain("credentials.dpop in mcp.json: has no meaning for a program");
  });

  test("a header that credentials write must not be configured next to them", async () => {
    const { problem } = failed(await readOne({ url, credentials: key, headers: { "X-Key": "a" } }));
    expect(problem).toContain("headers.x-key in mcp.json: is set by credentials, too; remove one");
    const proven = { ...oauth, issuer: "https://a.test", dpop: true };
    expect(failed(await readOne({ url, credentials: proven, headers: { DPoP: "a" } })).problem)
      .toContain("headers.dpop in mcp.json: is set by credentials, too; remove one");
    const headers = { Authorization: "Basic abcdef" };
    expect(http(await readOne({ url, credentials: key, headers })).headers)
      .toEqual({ authorization: "Basic abcdef" });
  });
});

describe("the fallback without credentials", () => {
  const bearer = { type: "bearer" as const, token: "hunter2" };
  const anonymous = {
    ...bearer,
    onFailure: "anonymous",
    public: true,
    anonymousTools: ["search"],
  };

  test("is refused for servers that speak MCP", async () => {
    for (const server of [{ url }, { command: "x" }]) {
      const credentials = { ...anonymous, ...("command" in server ? { env: "TOKEN" } : {}) };
      const { problem } = failed(await readOne({ ...server, credentials }));
      expect(problem).toContain('credentials.onFailure in mcp.json: "anonymous" is for web APIs');
    }
    expect(
      http(await readOne({ url, credentials: { ...bearer, onFailure: "reject" } })).credentials,
    )
      .toEqual(bearer);
  });

  const rest = async (credentials: unknown, more: Record<string, string> = {}, remote = false) => {
    const config = await readOne(
      { recipe: "coingecko", credentials },
      { ...shell, ...more },
      remote,
    );
    const server = config.servers.find(({ name }) => name === "files");
    if (server === undefined) return undefined;
    if (isOfKind<RestServerConfig>(server, "rest")) return server.anonymousTools ?? "none";
    return isOfKind<FailedServerConfig>(server, "failed") ? server.problem : server;
  };

  test("applies to the listed tools of a web API if all its keys are set", async () => {
    expect(await rest(anonymous)).toEqual(["search"]);
    expect(await rest(bearer)).toBe("none");
    expect(await rest({ ...bearer, onFailure: "reject" })).toBe("none");
    expect(await rest({ ...anonymous, public: false })).toContain(
      '"anonymous" also needs public: true',
    );
    expect(await rest({ ...anonymous, public: undefined })).toContain("also needs public: true");
    for (const anonymousTools of [[], undefined]) {
      expect(await rest({ ...anonymous, anonymousTools }))
        .toContain('"anonymous" also needs anonymousTools');
    }
    expect(await rest({ ...anonymous, onFailure: "ignore" }))
      .toContain('credentials.onFailure in mcp.json: expected "reject" or "anonymous"');
  });

  test("is refused next to headers that would still send a credential", async () => {
    for (const name of ["Authorization", "X-Api-Key", "cookie"]) {
      const headers = { [name]: "hunter2", "user-agent": "Test v1" };
      const config = await readOne({ recipe: "coingecko", credentials: anonymous, headers });
      const { problem } = failed(config);
      expect(problem).toMatch(/headers\.[\w-]+ in mcp\.json: (?:would also be sent|is set by)/);
      expect(problem).not.toContain("hunter2");
    }
    const { servers } = await readOne({
      recipe: "coingecko",
      credentials: anonymous,
      headers: { "user-agent": "Test v1" },
    });
    expect(servers[0]?.kind).toBe("rest");
  });

  test("needs its own variable if other machines can reach the gateway", async () => {
    const refused = "needs MCP_ALLOW_ANONYMOUS_FALLBACK=true";
    const url = { MCP_PUBLIC_URL: "https://mcp.example.com" };
    expect(await rest(anonymous, {}, true)).toContain(refused);
    expect(await rest(anonymous, url)).toContain(refused);
    expect(await rest(anonymous, { ...url, MCP_ALLOW_ANONYMOUS_FALLBACK: "0" })).toContain(refused);
    for (const value of ["true", "1", " TRUE "]) {
      const env = { ...url, MCP_ALLOW_ANONYMOUS_FALLBACK: value };
      expect(await rest(anonymous, env, true)).toEqual(["search"]);
    }
  });

  test("is refused if only half of it is configured", async () => {
    const { problem } = failed(await readOne({ url, credentials: { ...bearer, public: true } }));
    expect(problem).toContain("credentials.public in mcp.json: has no meaning without onFailure");
    const tools = { ...bearer, anonymousTools: ["a"] };
    expect(failed(await readOne({ url, credentials: tools })).problem)
      .toContain("credentials.anonymousTools in mcp.json: has no meaning without onFailure");
  });
});

describe("credentials of a program", () => {
  const run = (credentials: unknown, more = {}) => readOne({ command: "x", credentials, ...more });

  test("are put into the variables that it reads", async () => {
    const bearer = { type: "bearer" as const, token: "the-token" } as const;
    expect(stdio(await run({ ...bearer, env: "TOKEN" })).childCredentials)
      .toEqual({ credentials: bearer, variables: { value: "TOKEN" } });
    const basic = { type: "basic", username: "me", password: { file: "/p" } } as const;
    const variables = { username: "A", password: "B" };
    expect(stdio(await run({ ...basic, env: variables })).childCredentials)
      .toEqual({ credentials: basic, variables });
    expect(stdio(await run(undefined)).childCredentials).toBeUndefined();
    expect(stdio(await run({ type: "none" })).childCredentials).toBeUndefined();
  });

  const wrong: [string, unknown, string][] = [
    ["no variable", { type: "bearer", token: "hunter2" }, ".env in FILE: expected the name of the"],
    [
      "two variables of one value",
      { type: "bearer", token: "hunter2", env: { username: "A" } },
      ".env in FILE: expected the name of one variable",
    ],
    [
      "one variable of two values",
      { type: "basic", username: "a", password: "hunter2", env: "A" },
      ".env in FILE: expected an object with the variables of username and password",
    ],
    [
      "the same variable twice",
      { type: "basic", username: "a", password: "hunter2", env: { username: "A", password: "A" } },
      ".env in FILE: expected different variables",
    ],
    [
      "not a valid variable name",
      { type: "bearer", token: "hunter2", env: "A B" },
      ".env in FILE: expected the name of an environment variable",
    ],
    [
      "headers",
      { type: "headers", headers: { a: "hunter2" }, env: "A" },
      '.type in FILE: "headers" has no meaning for a program; use env',
    ],
  ];
  for (const [what, credentials, problem] of wrong) {
    test(`${what} fails the server, and shows no value`, async () => {
      const told = failed(await run(credentials)).problem;
      expect(told).toContain(`mcpServers.files.credentials${problem.replace("FILE", fileName)}`);
      expect(told).not.toContain("hunter2");
    });
  }

  test("must not stand among its own variables, too", async () => {
    const { problem } = failed(
      await run({ type: "bearer", token: "a-token", env: "A" }, { env: { A: "b" } }),
    );
    expect(problem).toContain("env.A in mcp.json: is set by credentials too; remove it");
  });
});
