/** The key `oauth` of a remote server: as the gateway has it, and as other programs write it. */
import { describe, expect, test } from "bun:test";
import type { ServersConfig } from "../../../src/config/config.ts";
import { readServers } from "../../../src/config/mcp_json.ts";
import type { OwnAddress } from "../../../src/config/own_address.ts";
import { upstreamKinds } from "../../../src/upstream/upstream_kinds.ts";
import { failed, file, http, own, readOne, shell } from "./read.ts";

const url = "https://far.example/mcp";
const env = { ...shell, SECRET: "the-client-secret", APP: "the-client" };
const place = "mcpServers.files.";

/** Reads one server where clients authenticate, or at another address. */
function readAt(
  entry: unknown,
  { authKinds, address = own }: {
    readonly authKinds?: readonly string[];
    readonly address?: OwnAddress;
  },
): Promise<ServersConfig> {
  const text = JSON.stringify({ mcpServers: { files: entry } });
  return readServers({
    kinds: upstreamKinds,
    path: file,
    env,
    own: address,
    authKinds,
    readText: (path) => Promise.resolve(path === file ? text : undefined),
  });
}

const oauthOf = async (more: object) => http(await readOne({ url, ...more }, env)).oauth;
const shared = { grant: "shared", connectTool: true } as const;

describe("a remote server without credentials", () => {
  test("can ask for a log-in; without authentication one log-in serves all", async () => {
    for (const more of [{}, { oauth: true }, { oauth: {} }, { credentials: { type: "none" } }]) {
      expect(await oauthOf(more)).toEqual(shared);
    }
    expect(await oauthOf({ headers: { "X-Region": "eu" } })).toEqual(shared);
  });

  test("has a grant for each principal where clients authenticate, if not one for all", async () => {
    for (const authKinds of [["key"], ["oauth", "jwt"]]) {
      expect(http(await readAt({ url }, { authKinds })).oauth)
        .toEqual({ grant: "each", connectTool: true });
      expect(http(await readAt({ url, oauth: { grant: "shared" } }, { authKinds })).oauth)
        .toEqual(shared);
    }
    expect(http(await readAt({ url }, { authKinds: ["none"] })).oauth).toEqual(shared);
  });

  test("cannot have a grant for each principal where clients do not authenticate", async () => {
    const { problem } = failed(await readOne({ url, oauth: { grant: "each" } }));
    expect(problem).toContain(
      `${place}oauth.grant in mcp.json: "each" needs clients that authenticate; set MCP_AUTH`,
    );
  });

  test("can use no grant where other machines reach the gateway without authentication", async () => {
    const ways: OwnAddress[] = [
      { ...own, host: "0.0.0.0" },
      { ...own, publicUrl: "https://gateway.example" },
      { ...own, trustedProxies: ["10.0.0.1"] },
    ];
    for (const address of ways) {
      const { oauth } = http(await readAt({ url }, { address }));
      expect(oauth?.problem).toContain("other machines can reach the gateway without");
      expect(http(await readAt({ url }, { address, authKinds: ["key"] })).oauth)
        .toEqual({ grant: "each", connectTool: true });
    }
  });
});

describe("a log-in", () => {
  test("is switched off by false, and is not there next to credentials", async () => {
    const authenticated = [
      { credentials: { type: "bearer", token: "t" } },
      { headers: { Authorization: "Bearer t" } },
      { headers: { cookie: "a=b" } },
    ];
    for (const more of [{ oauth: false }, { oauth: { enabled: false } }, ...authenticated]) {
      expect(await oauthOf(more)).toBeUndefined();
    }
    for (const more of authenticated) {
      expect(await oauthOf({ ...more, oauth: false })).toBeUndefined();
      for (const key of ["oauth", "auth"]) {
        const { problem } = failed(await readOne({ url, ...more, [key]: { scopes: ["a"] } }));
        expect(problem).toContain(`${place}${key} in mcp.json: cannot be combined with`);
      }
    }
  });

  test("has every part, with references replaced and files found", async () => {
    const oauth = {
      grant: "shared",
      clientId: "${APP}",
      clientSecret: "${SECRET}",
      scopes: ["read", "${APP}:write"],
      redirectUri: "http://127.0.0.1:8999/oauth/callback",
      clientMetadataUrl: "https://files.example/client.json",
      connectTool: false,
    };
    const config = await readOne({ url, oauth }, env);
    expect(http(config).oauth).toEqual({
      ...oauth,
      grant: "shared",
      clientId: "the-client",
      clientSecret: "the-client-secret",
      scopes: ["read", "the-client:write"],
    });
    expect(config.warnings).toEqual([]);
    expect(config.secrets).toContain("the-client-secret");
    expect(config.secrets).not.toContain("the-client");
    const inFile = { clientId: "c", clientSecret: { file: "./client.secret" } };
    const read = await readOne({ url, oauth: inFile }, env, false, {
      "/etc/gateway/client.secret": "s",
    });
    expect(http(read).oauth?.clientSecret).toEqual({ file: "/etc/gateway/client.secret" });
    expect(read.warnings).toEqual([]);
    const missing = await readOne({ url, oauth: inFile }, env);
    expect(missing.warnings).toEqual([
      `Cannot read the file of ${place}oauth.clientSecret in mcp.json, or it is empty: ` +
      "calls fail until it can be read",
    ]);
  });

  const client = { ...shared, clientId: "the-client" };
  const forms: [string, object, object][] = [
    ["Claude Code", { oauth: { clientId: "the-client", scopes: "read  write" } }, {
      ...client,
      scopes: ["read", "write"],
    }],
    ["Cursor", {
      auth: { CLIENT_ID: "the-client", CLIENT_SECRET: "${SECRET}", scopes: ["read"] },
    }, { ...client, clientSecret: "the-client-secret", scopes: ["read"] }],
    ["VS Code", { oauth: { clientId: "the-client" } }, client],
    ["Gemini CLI", { oauth: { enabled: true, clientId: "the-client", scopes: [] } }, client],
    ["OpenCode", { oauth: { clientId: "the-client", scope: "read write" } }, {
      ...client,
      scopes: ["read", "write"],
    }],
    ["FastMCP", { auth: "oauth" }, shared],
  ];
  for (const [program, more, expected] of forms) {
    test(`is read as ${program} writes it`, async () => {
      const config = await readOne({ url, ...more }, env);
      expect(http(config).oauth).toEqual(expected as typeof shared);
      expect(config.warnings).toEqual([]);
    });
  }
});

describe("keys inside oauth", () => {
  test("that are unknown are named, with the nearest one", async () => {
    const config = await readOne({ url, oauth: { clientID: "c", color: "red" } });
    expect(http(config).oauth).toEqual(shared);
    expect(config.warnings).toEqual([
      `Ignored ${place}oauth.clientID of mcp.json: unknown key; did you mean "clientId"?`,
      `Ignored ${place}oauth.color of mcp.json: unknown key`,
    ]);
  });

  test("that other programs need are ignored with a reason", async () => {
    const keys = ["callbackPort", "authServerMetadataUrl", "authorizationUrl", "tokenUrl"];
    for (const key of keys) {
      const config = await readOne({ url, auth: { [key]: "https://hunter2.example" } });
      expect(http(config).oauth).toEqual(shared);
      expect(config.warnings.length).toBe(1);
      expect(config.warnings[0]).toContain(`Ignored ${place}auth.${key} of mcp.json: `);
      expect(config.warnings[0]).not.toContain("unknown");
      expect(config.warnings[0]).not.toContain("hunter2");
    }
  });

  test("with a redirect URI that is not the gateway's callback cause a warning", async () => {
    const address = { ...own, publicUrl: "https://gateway.example/mcp-wrapper" };
    const good = [
      "http://localhost:8999/oauth/callback",
      "https://gateway.example/mcp-wrapper/oauth/callback",
    ];
    const bad = [
      "http://localhost:8999/callback",
      "http://localhost:19876/oauth/callback",
      "https://other.example/oauth/callback",
    ];
    for (const redirectUri of [...good, ...bad]) {
      const config = await readAt({ url, oauth: { redirectUri } }, { address, authKinds: ["key"] });
      expect(http(config).oauth?.redirectUri).toBe(redirectUri);
      expect([redirectUri, config.warnings.length])
        .toEqual([redirectUri, bad.includes(redirectUri) ? 1 : 0]);
    }
  });

  const wrong: [object, string][] = [
    [{ grant: "all" }, 'oauth.grant in mcp.json: expected "each" or "shared"'],
    [{ clientSecret: "hunter2" }, "oauth.clientId in mcp.json: is needed together with"],
    [{ clientId: "" }, "oauth.clientId in mcp.json: expected a string"],
    [{ clientId: "c", clientSecret: "" }, "oauth.clientSecret in mcp.json: expected a string"],
    [{ clientId: "c", clientSecret: "${NOPE}" }, "the environment variable NOPE is not set"],
    [{ scopes: ["hunter2 b"] }, "oauth.scopes in mcp.json: expected scopes without spaces"],
    [{ scopes: [1] }, "oauth.scopes"],
    [{ scope: 'hunter2"' }, "oauth.scope in mcp.json: expected scopes without spaces"],
    [{ redirectUri: "hunter2" }, "oauth.redirectUri in mcp.json: expected an absolute URL"],
    [{ clientMetadataUrl: "http://hunter2.example/c" }, "expected a URL with https: and a path"],
    [{ clientMetadataUrl: "https://hunter2.example" }, "expected a URL with https: and a path"],
    [{ connectTool: "hunter2" }, "oauth.connectTool in mcp.json: expected true or false"],
  ];
  for (const [oauth, problem] of wrong) {
    test(`that are wrong fail the server: ${JSON.stringify(oauth)}`, async () => {
      const found = failed(await readOne({ url, oauth })).problem;
      expect(found).toContain(problem);
      expect(found).not.toContain("hunter2");
    });
  }

  for (const value of [5, "yes", [], ["oauth"]]) {
    test(`that are no object fail the server: ${JSON.stringify(value)}`, async () => {
      for (const key of ["oauth", "auth"]) {
        expect(failed(await readOne({ url, [key]: value })).problem)
          .toContain(
            `${place}${key} in mcp.json: expected true, false, or an object with clientId`,
          );
      }
    });
  }

  test("under both names fail the server", async () => {
    expect(failed(await readOne({ url, oauth: true, auth: "oauth" })).problem)
      .toContain(`${place}auth in mcp.json: cannot be combined with oauth; remove one of them`);
  });

  test("have no meaning for a program or a web API", async () => {
    const others = [{ command: "x" }, { openapi: "./api.json" }, { recipe: "coingecko" }];
    for (const other of others) {
      for (const key of ["oauth", "auth"]) {
        expect(failed(await readOne({ ...other, [key]: { scopes: ["a"] } })).problem)
          .toContain(`${place}${key} in mcp.json: has no meaning for a server that is reached by`);
      }
    }
  });

  test("of credentials lead to the key oauth", async () => {
    const kinds: [string, string][] = [
      ["oauth", 'use the key "oauth" of the server'],
      ["passthrough", "the gateway never passes on a client's own token"],
    ];
    for (const [type, advice] of kinds) {
      const { problem } = failed(
        await readOne({ url, credentials: { type, secret: "hunter2" } }),
      );
      expect(problem).toContain(advice);
      expect(problem).not.toContain("hunter2");
    }
  });
});
