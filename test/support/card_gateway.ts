/**
 * A gateway whose servers say of themselves what a test decides, and the shape of the documents that
 * describe it: server cards (SEP-2127) and the AI catalog, written down from their specifications.
 */
import process from "node:process";
import * as v from "valibot";
import { createGateway, defaultTables, type GatewayHandle } from "../../src/app.ts";
import type { AuthenticatorKind } from "../../src/auth/authenticator.ts";
import { readConfig } from "../../src/config/environment.ts";
import { readServers } from "../../src/config/mcp_json.ts";
import type { JsonObject } from "../../src/model.ts";
import { defineKind } from "../../src/upstream/upstream_kinds.ts";
import { echoKind } from "./echo_kind.ts";
import { createTestRuntime } from "./fake_runtime.ts";
import { createFakeUpstream, type FakeUpstream } from "./fake_upstream.ts";
import { createHeaderAuthenticator } from "./header_authenticator.ts";

/** What a test decides. */
export interface CardGatewayOptions {
  /** Members of `mcp.json`; a server with `echo` is one by hand. */
  readonly file: JsonObject;
  /** How the servers by hand describe themselves, by name; one that is absent is not known yet. */
  readonly said?: Record<string, JsonObject>;
  /** `none`, `key` or `people` (a header names the principal). */
  readonly auth?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** What a request may have. */
export interface CardRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly peer?: string;
}

/** The gateway. */
export interface CardGateway {
  readonly gateway: GatewayHandle;
  /** The servers by hand. */
  readonly servers: ReadonlyMap<string, FakeUpstream>;
  fetch(path: string, options?: CardRequest): Promise<Response>;
  /** Applies another file, as an edit does. */
  reload(file: JsonObject): Promise<void>;
  close(): Promise<void>;
}

const localHost = "localhost:8999";
const people: AuthenticatorKind = () => createHeaderAuthenticator();

/** Opens it. No server is started ahead. */
export async function openCards(options: CardGatewayOptions): Promise<CardGateway> {
  const { said = {}, auth = "none" } = options;
  const servers = new Map<string, FakeUpstream>();
  const byHand = defineKind({
    ...echoKind,
    create({ name }) {
      const fake = createFakeUpstream(name, { tools: [{ name: "say", inputSchema: {} }] });
      servers.set(name, fake);
      const { status } = fake;
      return { ...fake, status: () => ({ ...status(), implementation: said[name] }) };
    },
  });
  const kinds = [...defaultTables.kinds, byHand];
  const env = {
    PATH: process.env["PATH"] ?? "",
    MCP_DATA_DIR: ":memory:",
    MCP_CONFIG: "mcp.json",
    ...options.env,
    ...(auth === "key" && { MCP_AUTH: "key" }),
  };
  const readText = (file: JsonObject) => () => Promise.resolve(JSON.stringify(file));
  const reading = { kinds, env, cwd: "/srv", readText: readText(options.file) };
  const { config } = await readConfig(reading);
  const gateway = await createGateway({
    config: {
      ...config,
      tryServers: false,
      ...(auth === "people" && { auth: { kinds: ["people"], settings: {} } }),
    },
    runtime: await createTestRuntime(),
    kinds,
    authenticators: { ...defaultTables.authenticators, people },
  });
  return {
    gateway,
    servers,
    fetch(path, { method = "GET", headers = {}, peer = "127.0.0.1" } = {}) {
      const host = headers["host"] ?? localHost;
      const request = new Request(`http://${host}${path}`, {
        method,
        headers: { host, ...headers },
      });
      return gateway.fetch(request, { remoteAddress: peer });
    },
    async reload(file) {
      const path = "/srv/mcp.json";
      await gateway.reload(
        await readServers({ path, env, own: config, kinds, readText: readText(file) }),
      );
    },
    async close() {
      void gateway.drain();
      await gateway.close();
    },
  };
}

const uri = v.pipe(v.string(), v.url());
const shortText = v.pipe(v.string(), v.minLength(1), v.maxLength(100));
const input = {
  description: v.optional(v.string()),
  isRequired: v.optional(v.boolean()),
  isSecret: v.optional(v.boolean()),
  value: v.optional(v.string()),
};

/** A card; members that the schema does not name are errors here. */
export const cardShape = v.strictObject({
  $schema: v.literal("https://static.modelcontextprotocol.io/schemas/v1/server-card.schema.json"),
  name: v.pipe(
    v.string(),
    v.minLength(3),
    v.maxLength(200),
    v.regex(/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/),
  ),
  version: v.pipe(v.string(), v.maxLength(255)),
  title: v.optional(shortText),
  description: shortText,
  websiteUrl: v.optional(uri),
  icons: v.optional(v.array(v.strictObject({
    src: uri,
    mimeType: v.optional(v.string()),
    sizes: v.optional(v.array(v.string())),
    theme: v.optional(v.picklist(["dark", "light"])),
  }))),
  remotes: v.array(v.strictObject({
    type: v.picklist(["sse", "streamable-http"]),
    url: v.pipe(v.string(), v.regex(/^https?:\/\/\S+$/)),
    supportedProtocolVersions: v.array(v.pipe(v.string(), v.isoDate())),
    headers: v.optional(v.array(v.strictObject({
      ...input,
      name: v.string(),
      variables: v.optional(v.record(v.string(), v.strictObject(input))),
    }))),
  })),
  _meta: v.optional(v.record(v.string(), v.unknown())),
});

/** The catalog; an entry has either `url` or `data`. */
export const catalogShape = v.strictObject({
  specVersion: v.literal("1.0"),
  entries: v.array(v.strictObject({
    identifier: v.pipe(v.string(), v.regex(/^urn:air:[a-z0-9.-]+:[a-z]+:[A-Za-z0-9._-]+$/i)),
    displayName: v.string(),
    type: v.literal("application/mcp-server-card+json"),
    url: uri,
  })),
});

/** A card, checked. */
export async function cardOf(response: Response) {
  return v.parse(cardShape, await response.json());
}

/** The URLs that a catalog lists, without the gateway's own; the catalog is checked. */
export async function listedBy(response: Response): Promise<string[]> {
  const { entries } = v.parse(catalogShape, await response.json());
  return entries.map(({ url }) => new URL(url).pathname);
}
