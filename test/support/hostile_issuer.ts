/**
 * A gateway on a network that a test writes by hand: a protected server and its authorization server
 * at public names, both as hostile as a test makes them. Each request passes the gateway's own check
 * of the address, and all that were sent are kept.
 */
import process from "node:process";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { createGateway } from "../../src/app.ts";
import { readConfig } from "../../src/config/environment.ts";
import type { JsonObject } from "../../src/model.ts";
import type { OutgoingRequest } from "../../src/runtime/runtime.ts";
import { upstreamKinds } from "../../src/upstream/upstream_kinds.ts";
import { type AccessAnswer, answerOf } from "./access_gateway.ts";
import { createTestClock, type TestClock } from "./clock.ts";
import { createTestRuntime } from "./fake_runtime.ts";
import { by, createHeaderAuthenticator } from "./header_authenticator.ts";
import { faultOf } from "./http_caller.ts";
import { remoteConfig } from "./http_upstream.ts";
import { openBrowser, type ShownPage, type TestBrowser } from "./oauth_person.ts";
import { ask } from "./stateless_client.ts";

/** The URLs of the two, and of the gateway. */
export const serverUrl = "https://files.example/mcp";
export const issuerUrl = "https://issuer.example";
export const gatewayUrl = "https://gateway.example";

/** Who answers at a path of the issuer; `hang`: nothing comes. */
export type IssuerAnswer = (
  form: URLSearchParams,
) => Response | "hang" | "cut" | Promise<Response>;

/** The network; a test changes any member at any time. */
export interface HostileWorld {
  /** Members in the place of those of the server's metadata (RFC 9728). */
  resource: JsonObject;
  /** Members in the place of those of the issuer's metadata (RFC 8414). */
  metadata: JsonObject;
  /** The header `WWW-Authenticate` of the server. */
  challenge: string | undefined;
  /** The server refuses every token. */
  refusesAll: boolean;
  token: IssuerAnswer;
  register: IssuerAnswer;
  /** Requests that left the gateway: method, URL, body. */
  readonly sent: { readonly method: string; readonly url: string; readonly body: string }[];
  /** Hosts that were looked up and whose addresses the gateway did not take. */
  readonly turnedAway: string[];
  /** The requests to a path of the issuer. */
  at(path: string): readonly { readonly url: string; readonly body: string }[];
}

/** Addresses of names; an IP address is its own. */
const addresses: Readonly<Record<string, string>> = {
  "files.example": "93.184.216.34",
  "issuer.example": "93.184.216.35",
  "other.example": "93.184.216.36",
  "inside.example": "10.0.0.7",
  "localhost": "127.0.0.1",
};

/** What a good token endpoint answers. */
export function goodToken(more: JsonObject = {}): Response {
  return Response.json({
    access_token: `access-${crypto.randomUUID()}`,
    refresh_token: `refresh-${crypto.randomUUID()}`,
    token_type: "Bearer",
    expires_in: 3_600,
    ...more,
  });
}

function createWorld(): HostileWorld {
  const world: HostileWorld = {
    resource: {},
    metadata: {},
    challenge: "Bearer",
    refusesAll: false,
    token: () => goodToken(),
    register: () => Response.json({ client_id: `client-${world.sent.length}` }, { status: 201 }),
    sent: [],
    turnedAway: [],
    at: (path) => world.sent.filter(({ url }) => url === `${issuerUrl}${path}`),
  };
  return world;
}

const mcp = createMcpHandler(() => {
  const server = new McpServer({ name: "files", version: "1" });
  server.registerTool("read", {}, () => ({ content: [{ type: "text", text: "the file" }] }));
  return server;
}, { legacy: "reject" });

async function answerServer(world: HostileWorld, request: OutgoingRequest): Promise<Response> {
  const { url, method, headers, body } = request;
  if (url === "https://files.example/.well-known/oauth-protected-resource/mcp") {
    const value = { resource: serverUrl, authorization_servers: [issuerUrl] };
    return Response.json({ ...value, ...world.resource });
  }
  if (url !== serverUrl) return new Response("no such page", { status: 404 });
  const isKnown = headers["authorization"]?.startsWith("Bearer access-") === true;
  if (!isKnown || world.refusesAll) {
    const { challenge } = world;
    return new Response(null, {
      status: 401,
      headers: challenge === undefined ? {} : { "www-authenticate": challenge },
    });
  }
  return await mcp.fetch(new Request(url, { method, headers, ...(body && { body }) }));
}

function answerIssuer(world: HostileWorld, { url, body = "" }: OutgoingRequest) {
  const { origin, pathname } = new URL(url);
  if (pathname === "/.well-known/oauth-authorization-server") {
    return Response.json({
      issuer: origin,
      authorization_endpoint: `${origin}/authorize`,
      token_endpoint: `${origin}/token`,
      registration_endpoint: `${origin}/register`,
      revocation_endpoint: `${origin}/revoke`,
      code_challenge_methods_supported: ["S256"],
      token_endpoint_auth_methods_supported: ["none", "client_secret_basic"],
      authorization_response_iss_parameter_supported: true,
      ...world.metadata,
    });
  }
  if (pathname === "/token") return world.token(new URLSearchParams(body));
  if (pathname === "/register") return world.register(new URLSearchParams());
  return new Response("<h1>no such page</h1>", { status: 404 });
}

/** A platform on which the world is all there is. */
function requesterOf(world: HostileWorld) {
  return async (request: OutgoingRequest) => {
    const { hostname } = new URL(request.url);
    const address = addresses[hostname] ?? hostname.replace(/^\[|\]$/g, "");
    if (!request.allowAddress(address)) {
      world.turnedAway.push(hostname);
      throw faultOf("forbidden", false);
    }
    world.sent.push({ method: request.method, url: request.url, body: request.body ?? "" });
    const answer = hostname === "files.example"
      ? await answerServer(world, request)
      : await answerIssuer(world, request);
    if (answer === "cut") throw faultOf("broken", true);
    if (answer === "hang") {
      await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
      throw faultOf("aborted", true);
    }
    const { status, headers, body } = answer;
    return { status, headers, body: body ?? new Blob([]).stream() };
  };
}

/** A gateway in that world. */
export interface HostileGateway {
  readonly world: HostileWorld;
  readonly clock: TestClock;
  /** Calls the server's tool. */
  call(person?: string): Promise<AccessAnswer>;
  /** Begins a log-in; `page` leaves to the issuer if all went well. */
  begin(person?: string): Promise<{ readonly browser: TestBrowser; readonly page: ShownPage }>;
  /** Begins and ends one; `params` replace those of the issuer's answer, undefined: left out. */
  logIn(
    params?: Readonly<Record<string, string | undefined>>,
    person?: string,
  ): Promise<ShownPage>;
  close(): Promise<void>;
}

/** The URL at which the issuer sends the browser back. */
export function backFrom(
  page: ShownPage,
  params: Readonly<Record<string, string | undefined>> = {},
): string {
  const asked = new URL(page.leavesTo ?? "missing:").searchParams;
  const back = new URL(asked.get("redirect_uri") ?? "missing:");
  const state = asked.get("state") ?? "";
  for (
    const [name, value] of Object.entries({
      code: "code-of-a-thief",
      state,
      iss: issuerUrl,
      ...params,
    })
  ) {
    if (value !== undefined) back.searchParams.set(name, value);
  }
  return back.href;
}

/** Starts it; its clock stands still. */
export async function startHostileGateway(): Promise<HostileGateway> {
  const world = createWorld();
  const clock = createTestClock();
  const env = { PATH: process.env["PATH"] ?? "", MCP_DATA_DIR: ":memory:" };
  const { config } = await readConfig({
    kinds: upstreamKinds,
    env,
    cwd: "/srv",
    readText: async () => undefined,
  });
  const gateway = await createGateway({
    config: {
      ...config,
      publicUrl: gatewayUrl,
      servers: [
        remoteConfig(serverUrl, {
          name: "files",
          oauth: { grant: "each", connectTool: true },
          // Tokens expire sooner.
          idleTimeoutMs: 36_000_000,
        }),
      ],
      tryServers: false,
      auth: { kinds: ["people"], settings: {} },
    },
    clock,
    runtime: { ...await createTestRuntime(), request: requesterOf(world) },
    authenticators: { people: createHeaderAuthenticator },
  });
  const send = (person: string, method: string, path: string, init: JsonObject = {}) => {
    const { headers, body } = init as { headers?: Record<string, string>; body?: unknown };
    return gateway.fetch(
      new Request(`${gatewayUrl}${path}`, {
        method,
        headers: { host: "gateway.example", ...by(person), ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    );
  };
  const callTool = async (person: string, name: string) =>
    await answerOf(
      await ask(
        { send: (verb, path, init = {}) => send(person, verb, path, init as JsonObject) },
        "tools/call",
        { name, arguments: {} },
        { path: "/servers/files/mcp" },
      ),
    );
  const begin: HostileGateway["begin"] = async (person = "ann") => {
    const { text } = await callTool(person, "connect_files");
    const link = /https:\/\/gateway\.example[^\s"\\]+\?link=[\w-]+/.exec(text)?.[0];
    if (link === undefined) throw new Error(`No link: ${text}`);
    const browser = openBrowser((request) => gateway.fetch(request));
    const page = await browser.submit(await browser.open(link), {});
    return { browser, page };
  };
  return {
    world,
    clock,
    call: (person = "ann") => callTool(person, "read"),
    begin,
    async logIn(params, person) {
      const { browser, page } = await begin(person);
      return page.leavesTo === undefined ? page : await browser.open(backFrom(page, params));
    },
    async close() {
      void gateway.drain();
      await gateway.close();
    },
  };
}
