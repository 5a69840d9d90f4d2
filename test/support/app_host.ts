/**
 * Hosts of MCP Apps for tests, by both generations of the official SDK: they declare the extension,
 * read the page that a tool names, and forward what the page calls by the server's own names for its
 * tools. The pages are not run: which tools they call is read from their code.
 */
import { Client as ClientTwo, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Client as ClientOne } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as HttpOne } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { startMsMax } from "./wait.ts";

type Json = Record<string, unknown>;

/** The extension's name in capabilities. */
export const appsExtension = "io.modelcontextprotocol/ui";

/** The MIME type of a page that a host shows. */
export const pageType = "text/html;profile=mcp-app";

/** A tool's answer. */
export interface ToolAnswer {
  readonly content?: unknown;
  readonly structuredContent?: Json;
  readonly isError?: boolean;
}

/** A tool as it is listed. */
export interface ListedTool {
  readonly name: string;
  readonly _meta?: Json & {
    readonly ui?: { readonly resourceUri?: string; readonly visibility?: readonly string[] };
  };
}

/** A page as the host got it, and the tools that its code calls. */
export interface AppPage {
  /** The URI that the host asked for. */
  readonly uri: string;
  /** What the server sent in `contents`. */
  readonly content: Json;
  readonly calls: readonly string[];
}

/** A host with one connection. */
export interface AppHost {
  /** The `extensions` of the server's capabilities. */
  readonly extensions: unknown;
  tools(): Promise<ListedTool[]>;
  resources(): Promise<{ uri: string; mimeType?: string | undefined }[]>;
  /** Reads the page that a tool names. */
  openPage(tool: string): Promise<AppPage>;
  /** A call by the model, or one of a page, forwarded as it is. Rejects with the gateway's error. */
  call(name: string, args?: Json): Promise<ToolAnswer>;
  close(): Promise<void>;
}

/** A kind of host. */
export interface HostKind {
  readonly name: string;
  /** Whether the gateway can tell its connections apart: it has sessions. */
  readonly hasSession: boolean;
  open(gatewayUrl: string, path?: string): Promise<AppHost>;
}

const info = { name: "host", version: "1.0.0" };

/** As interactive hosts do, these declare that they can ask their user. */
const capabilities = {
  elicitation: {},
  extensions: { [appsExtension]: { mimeTypes: [pageType] } },
};
const timeout = startMsMax;

/** The names of the tools that a page's code calls. */
function callsIn(code: string): string[] {
  const found = code.matchAll(/callServerTool\(\{name:"([^"]+)"/g);
  return [...new Set(Array.from(found, ([, name = ""]) => name))].sort();
}

function hostOf(client: ClientOne | ClientTwo, end: () => Promise<void>): AppHost {
  const tools = async () => (await client.listTools()).tools as ListedTool[];
  return {
    extensions: (client.getServerCapabilities() as Json | undefined)?.["extensions"],
    tools,
    resources: async () => (await client.listResources()).resources,
    async openPage(name) {
      const tool = (await tools()).find((one) => one.name === name);
      const uri = tool?._meta?.ui?.resourceUri;
      if (uri === undefined) throw new Error(`Tool ${name} names no page`);
      const { contents: [content = {}] } = await client.readResource({ uri });
      return { uri, content, calls: callsIn(String((content as Json)["text"])) };
    },
    call: async (name, args = {}) =>
      await (client instanceof ClientOne
        ? client.callTool({ name, arguments: args }, undefined, { timeout })
        : client.callTool({ name, arguments: args }, { timeout })) as ToolAnswer,
    async close() {
      await end();
      await client.close();
    },
  };
}

/** The kinds. */
export const hostKinds: readonly HostKind[] = [
  {
    name: "a host of the handshake (SDK 1.32)",
    hasSession: true,
    async open(url, path = "/mcp") {
      const transport = new HttpOne(new URL(url + path));
      const client = new ClientOne(info, { capabilities });
      await client.connect(transport as Transport, { timeout });
      return hostOf(client, () => transport.terminateSession());
    },
  },
  {
    name: "a stateless host (client 2.4)",
    hasSession: false,
    async open(url, path = "/mcp") {
      const versionNegotiation = { mode: { pin: "2026-07-28" } } as const;
      const client = new ClientTwo(info, { capabilities, versionNegotiation });
      await client.connect(new StreamableHTTPClientTransport(new URL(url + path)), { timeout });
      return hostOf(client, () => Promise.resolve());
    },
  },
];
