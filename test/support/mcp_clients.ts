/**
 * Real clients behind one face: both generations of the official SDK, each over every transport and
 * of every era it has, and mcp-remote as the bridge that desktop programs use. Each declares
 * sampling, elicitation and roots, answers them, and remembers what it was asked and told. What
 * differs between the libraries ends here; the end-to-end tests do the same with all of them.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import {
  Client as ClientTwo,
  LOG_LEVEL_META_KEY,
  StreamableHTTPClientTransport as HttpTwo,
  type VersionNegotiationMode,
} from "@modelcontextprotocol/client";
import { StdioClientTransport as StdioTwo } from "@modelcontextprotocol/client/stdio";
import { Client as ClientOne } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport as HttpOne } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  PromptListChangedNotificationSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { createClientNotes, listenForProgress } from "./client_notes.ts";
import {
  bareEnvironment,
  gatewayRuntime,
  programCommand,
  projectDirectory,
} from "./spawn_gateway.ts";
import { startMsMax } from "./wait.ts";

type Arguments = Record<string, unknown>;

/** What the tests see of a client. */
export interface RealClient {
  readonly serverName: string | undefined;
  /** The negotiated revision, if the library reports it. */
  readonly revision: string | undefined;
  /** The session's id where the transport has one. */
  sessionId(): string | undefined;
  toolNames(): Promise<string[]>;
  promptNames(): Promise<string[]>;
  resourceUris(): Promise<string[]>;
  templateUris(): Promise<string[]>;
  /** The texts of a tool's answer, and the progress that arrived before it. */
  callTool(
    name: string,
    args?: Arguments,
    signal?: AbortSignal,
  ): Promise<{ text: string; progress: number[] }>;
  /** A tool's whole answer; the library has checked it against the tool's output schema. */
  callWhole(name: string, args?: Arguments): Promise<Whole>;
  readResource(uri: string): Promise<string>;
  /** The prompt's messages as JSON. */
  getPrompt(name: string, args?: Record<string, string>): Promise<string>;
  /** Proposals for a prompt's argument. */
  complete(prompt: string, argument: string, value: string): Promise<string[]>;
  /** Asks for the servers' log lines from now on. */
  hearLogs(): Promise<void>;
  /** Asks for changes of lists and of one resource from now on. */
  watch(uri: string): Promise<void>;
  /** Methods of the server's questions, in order. */
  readonly asked: readonly string[];
  /** What servers logged. */
  readonly logged: readonly unknown[];
  /** `tools`, `prompts`, or a resource's URI. */
  readonly changed: readonly string[];
  close(): Promise<void>;
}

/** A tool's answer. */
export interface Whole {
  readonly content?: unknown;
  readonly structuredContent?: unknown;
  readonly isError?: unknown;
  readonly _meta?: unknown;
}

/** A kind of client. */
export interface ClientKind {
  readonly name: string;
  /** The revision that it negotiates with the gateway, if its library reports it. */
  readonly revision?: string;
  open(gatewayUrl: string, path?: string): Promise<RealClient>;
}

const info = { name: "end-to-end", version: "1.0.0" };
const capabilities = { sampling: {}, elicitation: {}, roots: { listChanged: true } };
const timeout = startMsMax;

const textOf = (content: unknown) =>
  (content as { text?: string }[]).map((part) => part.text ?? "").join("\n");

/** What both generations do in the same words. */
function face(client: ClientOne | ClientTwo) {
  const listed = new Set<string>();
  return {
    serverName: client.getServerVersion()?.name,
    toolNames: async () => (await client.listTools()).tools.map(({ name }) => name),
    promptNames: async () => (await client.listPrompts()).prompts.map(({ name }) => name),
    resourceUris: async () => (await client.listResources()).resources.map(({ uri }) => uri),
    templateUris: async () =>
      (await client.listResourceTemplates()).resourceTemplates
        .map(({ uriTemplate }) => uriTemplate),
    callWhole: async (name: string, args: Arguments = {}): Promise<Whole> => {
      // The library keeps the schemas of the tools that it has seen listed.
      if (!listed.has(name)) {
        for (const tool of (await client.listTools()).tools) listed.add(tool.name);
      }
      return await client.callTool({ name, arguments: args });
    },
    readResource: async (uri: string) => textOf((await client.readResource({ uri })).contents),
    getPrompt: async (name: string, args: Record<string, string> = {}) =>
      JSON.stringify((await client.getPrompt({ name, arguments: args })).messages),
    async complete(prompt: string, argument: string, value: string) {
      const ref = { type: "ref/prompt" as const, name: prompt };
      const params = { ref, argument: { name: argument, value } };
      return (await client.complete(params)).completion.values;
    },
  };
}

/** The SDK of the first generation over a transport. */
async function openOne(transport: Transport, after?: () => void): Promise<RealClient> {
  const client = new ClientOne(info, { capabilities });
  const { seen, ...notes } = createClientNotes();
  client.setRequestHandler(CreateMessageRequestSchema, notes.sampling);
  client.setRequestHandler(ElicitRequestSchema, notes.elicitation);
  client.setRequestHandler(ListRootsRequestSchema, notes.roots);
  client.setNotificationHandler(LoggingMessageNotificationSchema, notes.noteLog);
  client.setNotificationHandler(ToolListChangedNotificationSchema, notes.noteTools);
  client.setNotificationHandler(PromptListChangedNotificationSchema, notes.notePrompts);
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, notes.noteResource);
  await client.connect(transport, { timeout });
  return {
    ...face(client),
    ...seen,
    revision: transport instanceof HttpOne ? transport.protocolVersion : undefined,
    sessionId: () => transport.sessionId,
    async callTool(name, args = {}, signal) {
      const progress = listenForProgress(transport);
      const result = await client.callTool({ name, arguments: args }, undefined, {
        timeout,
        ...(signal === undefined ? {} : { signal }),
        onprogress: () => {},
      }).finally(progress);
      return { text: textOf(result.content), progress: progress() };
    },
    hearLogs: async () => void await client.setLoggingLevel("info"),
    watch: async (uri) => void await client.subscribeResource({ uri }),
    async close() {
      if (transport instanceof HttpOne) await transport.terminateSession();
      await client.close();
      after?.();
    },
  };
}

/** The SDK of the second generation, in one of its ways to agree on a revision. */
async function openTwo(
  transport: HttpTwo | StdioTwo,
  mode: VersionNegotiationMode,
): Promise<RealClient> {
  const client = new ClientTwo(info, { capabilities, versionNegotiation: { mode } });
  const { seen, ...notes } = createClientNotes();
  client.setRequestHandler("sampling/createMessage", notes.sampling);
  client.setRequestHandler("elicitation/create", notes.elicitation);
  client.setRequestHandler("roots/list", notes.roots);
  client.setNotificationHandler("notifications/message", notes.noteLog);
  client.setNotificationHandler("notifications/tools/list_changed", notes.noteTools);
  client.setNotificationHandler("notifications/prompts/list_changed", notes.notePrompts);
  client.setNotificationHandler("notifications/resources/updated", notes.noteResource);
  await client.connect(transport, { timeout });
  const isModern = client.getProtocolEra() === "modern";
  let meta: Record<string, unknown> = {};
  return {
    ...face(client),
    ...seen,
    revision: client.getNegotiatedProtocolVersion(),
    sessionId: () => transport instanceof HttpTwo ? transport.sessionId : undefined,
    async callTool(name, args = {}, signal) {
      const progress = listenForProgress(transport);
      const result = await client.callTool({ name, arguments: args, _meta: meta }, {
        timeout,
        ...(signal === undefined ? {} : { signal }),
        onprogress: () => {},
      }).finally(progress);
      return { text: textOf(result.content), progress: progress() };
    },
    async hearLogs() {
      if (isModern) meta = { [LOG_LEVEL_META_KEY]: "info" };
      else await client.setLoggingLevel("info");
    },
    async watch(uri) {
      const lists = { toolsListChanged: true, promptsListChanged: true };
      if (isModern) await client.listen({ ...lists, resourceSubscriptions: [uri] });
      else await client.subscribeResource({ uri });
    },
    async close() {
      if (transport instanceof HttpTwo) await transport.terminateSession();
      await client.close();
    },
  };
}

/** `mcp-wrapper stdio` as a child, on the files of a gateway's folder. */
function stdioOf(directory: string, server: string | undefined) {
  const args = server === undefined ? ["stdio"] : ["stdio", server];
  return {
    ...programCommand(`src/main/${gatewayRuntime}.ts`, args),
    cwd: directory,
    env: bareEnvironment(),
    stderr: "ignore",
  } as const;
}

/** A kind of client that starts `mcp-wrapper stdio` in a gateway's folder. */
export interface StdioClientKind {
  readonly name: string;
  /** The revision that it negotiates, if its library reports it. */
  readonly revision?: string;
  open(directory: string, server?: string): Promise<RealClient>;
}

/** The clients over stdio. */
export const stdioClientKinds: readonly StdioClientKind[] = [
  {
    name: "SDK 1.32",
    open: (directory, server) => openOne(new StdioClientTransport(stdioOf(directory, server))),
  },
  {
    name: "client 2.4 in its handshake mode",
    revision: "2025-11-25",
    open: (directory, server) => openTwo(new StdioTwo(stdioOf(directory, server)), "legacy"),
  },
  {
    name: "client 2.4 in its automatic mode",
    revision: "2026-07-28",
    open: (directory, server) => openTwo(new StdioTwo(stdioOf(directory, server)), "auto"),
  },
];

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
    revision: "2025-11-25",
    open: (url, path = "/mcp") => openOne(new HttpOne(new URL(url + path)) as Transport),
  },
  {
    name: "SDK 1.32 over HTTP+SSE",
    open: (url, path = "/mcp") =>
      openOne(new SSEClientTransport(new URL(url + path.replace(/mcp$/, "sse")))),
  },
  {
    name: "client 2.4 in its handshake mode",
    revision: "2025-11-25",
    open: (url, path = "/mcp") => openTwo(new HttpTwo(new URL(url + path)), "legacy"),
  },
  {
    name: "client 2.4 in its automatic mode",
    revision: "2026-07-28",
    open: (url, path = "/mcp") => openTwo(new HttpTwo(new URL(url + path)), "auto"),
  },
  {
    name: "client 2.4 pinned to 2026-07-28",
    revision: "2026-07-28",
    open: (url, path = "/mcp") => openTwo(new HttpTwo(new URL(url + path)), { pin: "2026-07-28" }),
  },
  {
    name: "mcp-remote over stdio",
    open: (url, path = "/mcp") => openBridge(url + path),
  },
];

/** The client that most tests use. */
export const openClient = (url: string, path?: string): Promise<RealClient> =>
  (clientKinds[0] as ClientKind).open(url, path);
