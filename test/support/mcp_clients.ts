/**
 * Real clients behind one face: both generations of the official SDK, each over every transport it
 * has, and mcp-remote as the bridge that desktop programs use. Each declares sampling, elicitation
 * and roots, answers them, and remembers what it was asked. What differs between the libraries ends
 * here; the end-to-end tests do the same with all of them.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import {
  Client as ClientTwo,
  StreamableHTTPClientTransport as HttpTwo,
} from "@modelcontextprotocol/client";
import { Client as ClientOne } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport as HttpOne } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { projectDirectory } from "./spawn_gateway.ts";

type Arguments = Record<string, unknown>;

/** What the tests see of a client. */
export interface RealClient {
  readonly serverName: string | undefined;
  /** The session's id where the transport has one. */
  sessionId(): string | undefined;
  toolNames(): Promise<string[]>;
  promptNames(): Promise<string[]>;
  resourceUris(): Promise<string[]>;
  /** The texts of a tool's answer, and each progress value that came before it. */
  callTool(name: string, args?: Arguments): Promise<{ text: string; progress: number[] }>;
  readResource(uri: string): Promise<string>;
  /** The prompt's messages as JSON. */
  getPrompt(name: string, args?: Record<string, string>): Promise<string>;
  /** Methods of the server's questions, in order. */
  readonly asked: readonly string[];
  close(): Promise<void>;
}

/** A kind of client. */
export interface ClientKind {
  readonly name: string;
  open(gatewayUrl: string, path?: string): Promise<RealClient>;
}

const info = { name: "end-to-end", version: "1.0.0" };
const capabilities = { sampling: {}, elicitation: {}, roots: { listChanged: true } };
const timeout = 30_000;

const answers = {
  sampling: {
    model: "test-model",
    role: "assistant" as const,
    content: { type: "text" as const, text: "sampled-answer" },
  },
  elicitation: { action: "accept" as const, content: { name: "Ada Lovelace" } },
  roots: { roots: [{ uri: "file:///tmp", name: "temporary" }] },
};

const textOf = (content: unknown) =>
  (content as { text?: string }[]).map((part) => part.text ?? "").join("\n");

/** The SDK of the first generation over a transport. */
async function openOne(transport: Transport, after?: () => void): Promise<RealClient> {
  const asked: string[] = [];
  const client = new ClientOne(info, { capabilities });
  client.setRequestHandler(CreateMessageRequestSchema, ({ method }) => {
    asked.push(method);
    return answers.sampling;
  });
  client.setRequestHandler(ElicitRequestSchema, ({ method }) => {
    asked.push(method);
    return answers.elicitation;
  });
  client.setRequestHandler(ListRootsRequestSchema, ({ method }) => {
    asked.push(method);
    return answers.roots;
  });
  await client.connect(transport, { timeout });
  return {
    serverName: client.getServerVersion()?.name,
    sessionId: () => transport.sessionId,
    toolNames: async () => (await client.listTools()).tools.map(({ name }) => name),
    promptNames: async () => (await client.listPrompts()).prompts.map(({ name }) => name),
    resourceUris: async () => (await client.listResources()).resources.map(({ uri }) => uri),
    async callTool(name, args = {}) {
      const progress: number[] = [];
      const result = await client.callTool({ name, arguments: args }, undefined, {
        timeout,
        onprogress: (notice) => progress.push(notice.progress),
      });
      return { text: textOf(result.content), progress };
    },
    async readResource(uri) {
      return textOf((await client.readResource({ uri })).contents);
    },
    async getPrompt(name, args = {}) {
      return JSON.stringify((await client.getPrompt({ name, arguments: args })).messages);
    },
    asked,
    async close() {
      if (transport instanceof HttpOne) await transport.terminateSession();
      await client.close();
      after?.();
    },
  };
}

/** The SDK of the second generation, in one of its ways to agree on a revision. */
async function openTwo(url: URL, mode: "legacy" | "auto"): Promise<RealClient> {
  const asked: string[] = [];
  const client = new ClientTwo(info, { capabilities, versionNegotiation: { mode } });
  const note = <T>(answer: T) => ({ method }: { method: string }) => {
    asked.push(method);
    return answer;
  };
  client.setRequestHandler("sampling/createMessage", note(answers.sampling));
  client.setRequestHandler("elicitation/create", note(answers.elicitation));
  client.setRequestHandler("roots/list", note(answers.roots));
  const transport = new HttpTwo(url);
  await client.connect(transport, { timeout });
  return {
    serverName: client.getServerVersion()?.name,
    sessionId: () => transport.sessionId,
    toolNames: async () => (await client.listTools()).tools.map(({ name }) => name),
    promptNames: async () => (await client.listPrompts()).prompts.map(({ name }) => name),
    resourceUris: async () => (await client.listResources()).resources.map(({ uri }) => uri),
    async callTool(name, args = {}) {
      const progress: number[] = [];
      const result = await client.callTool({ name, arguments: args }, {
        timeout,
        onprogress: (notice) => progress.push(notice.progress),
      });
      return { text: textOf(result.content), progress };
    },
    async readResource(uri) {
      return textOf((await client.readResource({ uri })).contents);
    },
    async getPrompt(name, args = {}) {
      return JSON.stringify((await client.getPrompt({ name, arguments: args })).messages);
    },
    asked,
    async close() {
      await transport.terminateSession();
      await client.close();
    },
  };
}

/** mcp-remote as a child, which speaks stdio to the SDK and HTTP to the gateway at `url`. */
export async function openBridge(
  url: string,
  env: Readonly<Record<string, string>> = {},
): Promise<RealClient> {
  // It keeps files under HOME.
  const home = mkdtempSync(join(tmpdir(), "mcp-remote-home-"));
  const transport = new StdioClientTransport({
    command: join(projectDirectory, "node_modules", ".bin", "mcp-remote"),
    args: [url, "--allow-http"],
    env: { HOME: home, PATH: process.env["PATH"] ?? "", ...env },
    stderr: "ignore",
  });
  const clean = () => rmSync(home, { recursive: true, force: true });
  return await openOne(transport, clean).catch(async (fault) => {
    await transport.close();
    clean();
    throw fault;
  });
}

/** The clients, each under the name that its tests carry. */
export const clientKinds: readonly ClientKind[] = [
  {
    name: "SDK 1.32 over Streamable HTTP",
    open: (url, path = "/mcp") => openOne(new HttpOne(new URL(url + path)) as Transport),
  },
  {
    name: "SDK 1.32 over HTTP+SSE",
    open: (url, path = "/sse") => openOne(new SSEClientTransport(new URL(url + path))),
  },
  {
    name: "client 2.4 in its handshake mode",
    open: (url, path = "/mcp") => openTwo(new URL(url + path), "legacy"),
  },
  {
    name: "client 2.4 in its automatic mode",
    open: (url, path = "/mcp") => openTwo(new URL(url + path), "auto"),
  },
  {
    name: "mcp-remote over stdio",
    open: (url, path = "/mcp") => openBridge(url + path),
  },
];

/** The client that most tests use. */
export const openClient = (url: string, path?: string): Promise<RealClient> =>
  (clientKinds[0] as ClientKind).open(url, path);
