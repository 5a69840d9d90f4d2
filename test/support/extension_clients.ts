/**
 * Clients of the official SDKs that declare extensions, for tests of what passes between them and
 * servers: with a session by both SDKs, and without one.
 */
import { Client as ClientTwo, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Client as ClientOne } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as HttpOne } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { modern } from "./stateless_client.ts";

/** Extensions with their settings. */
export type Extensions = Record<string, Record<string, unknown>>;

/** What tests see of such a client. */
export interface DeclaringClient {
  /** What its server declares, as the library reads it. */
  extensions(): unknown;
  tools(): Promise<string[]>;
  /** The text of a tool's answer. */
  call(tool: string): Promise<string>;
  /** What the tool of the chart server says that it got from this client. */
  declared(tool?: string): Promise<{ pid: number; extensions: Extensions }>;
  close(): Promise<void>;
}

/** Opens a client on the URL of an endpoint. */
export type OpenDeclaring = (url: string, extensions: Extensions) => Promise<DeclaringClient>;

const info = { name: "desk", version: "3" };

function face(client: ClientOne | ClientTwo): DeclaringClient {
  const call = async (name: string) => {
    const { content } = await client.callTool({ name, arguments: {} });
    return (content as { text: string }[])[0]?.text ?? "";
  };
  return {
    extensions: () => client.getServerCapabilities()?.extensions,
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call,
    declared: async (name = "declared") => JSON.parse(await call(name)),
    close: () => client.close(),
  };
}

const openOne: OpenDeclaring = async (url, extensions) => {
  const client = new ClientOne(info, { capabilities: { extensions } });
  // Its own types contradict each other where optional members must be left out.
  await client.connect(new HttpOne(new URL(url)) as Transport);
  return face(client);
};

type OptionsTwo = NonNullable<ConstructorParameters<typeof ClientTwo>[1]>;

const openTwo = (mode: "legacy" | { pin: string }): OpenDeclaring => async (url, extensions) => {
  const capabilities = { extensions } as NonNullable<OptionsTwo["capabilities"]>;
  const client = new ClientTwo(info, { versionNegotiation: { mode }, capabilities });
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  return face(client);
};

/** All of them. */
export const declaringClients: Readonly<Record<string, OpenDeclaring>> = {
  "the first SDK": openOne,
  "the second SDK with a session": openTwo("legacy"),
  "the second SDK without one": openTwo({ pin: modern }),
};
