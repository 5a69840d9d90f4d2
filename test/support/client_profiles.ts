/**
 * What known clients do at a protected gateway, as rows: how they identify themselves, where a person
 * is sent back to, what they ask for and what they insist on. oauth_client.ts plays a row.
 */
import type { JsonObject } from "../../src/model.ts";

/** A request of the flow that may have the `resource` of RFC 8707. */
export type ResourceRequest = "authorize" | "code" | "refresh";

/** One client. */
export interface ClientProfile {
  readonly name: string;
  /** A client in its vendor's cloud reaches the public URL; others, this machine. */
  readonly runsAt: "cloud" | "machine";
  /** The document at its id; a `status` of its own plays an unavailable one. */
  readonly document?: { readonly url: string; readonly body: JsonObject; readonly status?: number };
  /** What it registers, unless it uses its document. */
  readonly registration?: JsonObject;
  /** Where the person comes back; `hasIss`: the server says that answers have their issuer. */
  readonly redirectUri: (hasIss: boolean) => string;
  readonly resourceIn: readonly ResourceRequest[];
  /** The scopes that it asks for: those of the challenge, or all of the metadata. */
  readonly scopesOf: "challenge" | "metadata";
  /** Whether it looks for the metadata without reading the challenge. */
  readonly ignoresChallenge?: boolean;
  /** Signs at the token endpoint instead of showing its id alone. */
  readonly signs?: boolean;
  /** The endpoint whose URL the person typed; `/mcp` if absent. */
  readonly path?: string;
}

const everywhere: readonly ResourceRequest[] = ["authorize", "code", "refresh"];
const logIn = ["authorization_code", "refresh_token"];

const document = (url: string, redirectUris: readonly string[], more: JsonObject = {}) => ({
  url,
  body: {
    client_id: url,
    redirect_uris: [...redirectUris],
    grant_types: logIn,
    response_types: ["code"],
    token_endpoint_auth_method: "none",
    ...more,
  },
});

const registration = (name: string, redirectUris: readonly string[], more: JsonObject = {}) => ({
  client_name: name,
  redirect_uris: [...redirectUris],
  grant_types: logIn,
  response_types: ["code"],
  token_endpoint_auth_method: "none",
  ...more,
});

const claudeCallback = "https://claude.ai/api/mcp/auth_callback";
const claudeCode = "https://claude.ai/oauth/claude-code-client-metadata";
const chatgptRedirects = [
  "https://chatgpt.com/connector_platform_oauth_redirect",
  "https://chatgpt.com/connector/oauth/a1b2c3",
];
const cursorRedirects = [
  "http://localhost:8787/callback",
  "https://www.cursor.com/agents/mcp/oauth/callback",
  "cursor://anysphere.cursor-mcp/oauth/callback",
];

/** Where chatgpt.com publishes its keys in these tests. */
export const chatgptKeysUrl = "https://chatgpt.com/oauth/jwks.json";

const chatgpt = {
  runsAt: "cloud",
  redirectUri: (hasIss: boolean) => chatgptRedirects[hasIss ? 0 : 1] ?? "",
  resourceIn: everywhere,
  scopesOf: "challenge",
} as const;

/** A client that registers with the port that it happens to listen on. */
const onPort = (name: string, uri: string, more: Partial<ClientProfile> = {}): ClientProfile => ({
  name,
  runsAt: "machine",
  registration: registration(name, [uri]),
  redirectUri: () => uri,
  resourceIn: everywhere,
  scopesOf: "metadata",
  ...more,
});

/** The rows. */
export const clientProfiles: readonly ClientProfile[] = [
  {
    name: "claude.ai with its document",
    runsAt: "cloud",
    document: document(
      "https://claude.ai/oauth/mcp-oauth-client-metadata",
      [claudeCallback],
      // A grant that no gateway has to know.
      {
        client_name: "Claude",
        grant_types: [...logIn, "urn:ietf:params:oauth:grant-type:jwt-bearer"],
      },
    ),
    redirectUri: () => claudeCallback,
    resourceIn: everywhere,
    scopesOf: "challenge",
  },
  {
    name: "claude.ai with a registration",
    runsAt: "cloud",
    registration: registration("Claude", [claudeCallback]),
    redirectUri: () => claudeCallback,
    resourceIn: everywhere,
    scopesOf: "challenge",
  },
  {
    // Its own host refuses the addresses of some clouds: the gateway keeps a copy.
    name: "Claude Code, whose document is unavailable",
    runsAt: "machine",
    document: { ...document(claudeCode, []), status: 403 },
    redirectUri: () => "http://localhost:52817/callback",
    resourceIn: everywhere,
    scopesOf: "challenge",
  },
  {
    name: "Claude Code with a registration",
    runsAt: "machine",
    registration: registration("Claude Code", ["http://localhost:3118/callback"]),
    redirectUri: () => "http://localhost:52818/callback",
    resourceIn: everywhere,
    scopesOf: "challenge",
    path: "/servers/child/mcp",
  },
  {
    ...chatgpt,
    name: "ChatGPT",
    document: document("https://chatgpt.com/oauth/client.json", chatgptRedirects),
  },
  {
    ...chatgpt,
    name: "ChatGPT with a key",
    document: document("https://chatgpt.com/oauth/client.json", chatgptRedirects, {
      token_endpoint_auth_method: "private_key_jwt",
      jwks_uri: chatgptKeysUrl,
    }),
    signs: true,
  },
  {
    name: "Codex",
    runsAt: "machine",
    document: document("https://chatgpt.com/oauth/codex/client.json", [
      "http://127.0.0.1/callback",
    ]),
    redirectUri: () => "http://127.0.0.1:61022/callback",
    resourceIn: ["authorize", "code"],
    scopesOf: "challenge",
  },
  {
    name: "Cursor",
    runsAt: "machine",
    registration: registration("Cursor", cursorRedirects),
    redirectUri: () => cursorRedirects[2] ?? "",
    resourceIn: [],
    scopesOf: "metadata",
    path: "/servers/child/mcp",
  },
  {
    name: "VS Code",
    runsAt: "machine",
    registration: registration("Visual Studio Code", [
      "https://vscode.dev/redirect",
      "http://127.0.0.1/",
      "http://127.0.0.1:33418/",
    ], { client_uri: "https://code.visualstudio.com", application_type: "native" }),
    redirectUri: () => "http://127.0.0.1:33418/",
    resourceIn: everywhere,
    scopesOf: "metadata",
    ignoresChallenge: true,
  },
  onPort("Gemini CLI", "http://localhost:7777/oauth/callback"),
  onPort("Goose", "http://localhost:51234/oauth_callback", { resourceIn: [] }),
  {
    name: "Zed",
    runsAt: "machine",
    document: document("https://zed.dev/oauth/client-metadata.json", ["http://127.0.0.1/callback"]),
    redirectUri: () => "http://127.0.0.1:40123/callback",
    resourceIn: everywhere,
    scopesOf: "challenge",
  },
];
