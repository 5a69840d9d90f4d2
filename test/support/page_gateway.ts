/**
 * A gateway with an echo server in this process, its admin API and the operator's page, without a
 * socket and on a clock that the test steers.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createGateway, defaultTables, type GatewayHandle } from "../../src/app.ts";
import { readConfig } from "../../src/config/environment.ts";
import type { AdminApi, AdminOpening } from "../../src/http/admin/admin_api.ts";
import type { Limits } from "../../src/limits.ts";
import type { GatewayEvent } from "../../src/telemetry/events.ts";
import { createTestClock, type TestClock } from "./clock.ts";
import { echoKind } from "./echo_kind.ts";
import { createTestRuntime } from "./fake_runtime.ts";
import { type FrameReader, framesOf } from "./http_harness.ts";
import { createStatelessCaller, type StatelessCaller } from "./stateless_caller.ts";
import { projectDirectory } from "./spawn_gateway.ts";

const adminUrl = "http://127.0.0.1:9000";

/** What a test sends to the admin API. */
export interface PageRequest {
  readonly token?: string | undefined;
  /** Text as it is; anything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The gateway and its page. */
export interface PageGateway {
  readonly gateway: GatewayHandle;
  readonly admin: AdminApi;
  readonly clock: TestClock;
  /** All events since the start. */
  readonly events: readonly GatewayEvent[];
  /** The tokens of the data folder. */
  readonly tokens: { readonly owner: string; readonly operator: string };
  send(method: string, path: string, request?: PageRequest): Promise<Response>;
  /** The same for an answer with JSON. */
  json(method: string, path: string, request?: PageRequest): Promise<PageAnswer>;
  /** A code of a new link. */
  makeCode(): string;
  /** Logs a page in; returns its token. */
  logIn(): Promise<string>;
  /** Opens the live stream of a page. */
  follow(token: string): Promise<FrameReader>;
  /** A client in front of the gateway, without a session. */
  readonly client: StatelessCaller;
  close(): Promise<void>;
}

/** The answer to one request. */
export interface PageAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // Tests read single members of many shapes.
  // deno-lint-ignore no-explicit-any -- each test knows the shape that it reads
  readonly body: any;
  /** The code of the error in the body. */
  readonly code: string | undefined;
}

/** Starts it; `secrets` are those of its configuration, `opening` says where its API is. */
export async function openPageGateway(
  limits: Partial<Limits> = {},
  secrets: readonly string[] = [],
  opening: Partial<AdminOpening> = {},
): Promise<PageGateway> {
  const folder = mkdtempSync(join(tmpdir(), "page-"));
  const clock = createTestClock();
  const kinds = [...defaultTables.kinds, echoKind];
  const { config } = await readConfig({
    kinds,
    env: { PATH: process.env["PATH"] ?? "", MCP_DATA_DIR: folder, MCP_CONFIG: "mcp.json" },
    cwd: "/srv",
    readText: () => Promise.resolve(JSON.stringify({ mcpServers: { echo: { echo: true } } })),
  });
  const gateway = await createGateway({
    config: { ...config, secrets: [...config.secrets, ...secrets] },
    runtime: await createTestRuntime(),
    kinds,
    clock,
    limits,
  });
  const events: GatewayEvent[] = [];
  gateway.observe((event) => void events.push(event));
  const { admin } = gateway;
  if (admin === undefined) throw new Error("There is no admin API");
  admin.open({
    host: "127.0.0.1",
    port: 9000,
    url: adminUrl,
    allowedHosts: [],
    maySpawn: false,
    program: {},
    reload: () => Promise.resolve(),
    readPage: (file) =>
      Promise.resolve(readFileSync(join(projectDirectory, "src/page", file), "utf8")),
    clients: () => Promise.resolve([{ id: "any", title: "Any client", text: "…" }]),
    ...opening,
  });
  const tokenOf = (name: string) => readFileSync(join(folder, `${name}.token`), "utf8").trim();
  const send: PageGateway["send"] = (method, path, { token, body, headers } = {}) =>
    admin.fetch(
      new Request(`${adminUrl}${path}`, {
        method,
        headers: {
          host: "127.0.0.1:9000",
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined
          ? {}
          : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      }),
    );
  const json: PageGateway["json"] = async (method, path, request) => {
    const { status, headers, ...response } = await readAll(await send(method, path, request));
    const body = response.text === "" ? {} : JSON.parse(response.text);
    return { status, headers, text: response.text, body, code: body.error?.code };
  };
  const makeCode = () => new URL(admin.pageLink().url).hash.replace("#code=", "");
  const front = (path: string, init: RequestInit) =>
    gateway.fetch(
      new Request(`http://localhost:8999${path}`, {
        ...init,
        headers: { host: "localhost:8999", ...init.headers as Record<string, string> },
      }),
    );
  return {
    gateway,
    admin,
    clock,
    events,
    tokens: { owner: tokenOf("owner"), operator: tokenOf("operator") },
    send,
    json,
    makeCode,
    async logIn() {
      const { body } = await json("POST", "/admin/page/token", { body: { code: makeCode() } });
      return body.token;
    },
    async follow(token) {
      const response = await send("GET", "/admin/events", { token });
      if (response.status !== 200) throw new Error(`The stream has status ${response.status}`);
      return framesOf(response);
    },
    client: createStatelessCaller(front, "/mcp", {}),
    async close() {
      void gateway.drain();
      await gateway.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function readAll(response: Response) {
  return { status: response.status, headers: response.headers, text: await response.text() };
}
