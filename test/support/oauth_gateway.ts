/**
 * A gateway with an authorization server, without a socket: one server behind it, a clock that the
 * test steers, and a client of OAuth by hand. A person approves by a call of the test, as the
 * consent page does.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createGateway, type GatewayHandle } from "../../src/app.ts";
import { readConfig } from "../../src/config/environment.ts";
import type { Limits } from "../../src/limits.ts";
import type { JsonObject } from "../../src/model.ts";
import type { Person } from "../../src/oauth/waiting_authorizations.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import type { GatewayEvent } from "../../src/telemetry/events.ts";
import { upstreamKinds } from "../../src/upstream/upstream_kinds.ts";
import { hostileCommand } from "../fault/hostile_command.ts";
import { createTestClock, type TestClock } from "./clock.ts";
import { createTestRuntime } from "./fake_runtime.ts";
import { initialize, jsonHeaders } from "./http_harness.ts";

/** Where the gateway believes to be. */
export const base = "http://localhost:8999";

/** What a test decides. */
export interface OAuthGatewayOptions {
  /** `auth.oauth` of the configuration. */
  readonly settings?: JsonObject;
  readonly kinds?: readonly string[];
  /** The settings of kinds next to `oauth`, by their names. */
  readonly auth?: JsonObject;
  readonly limits?: Partial<Limits>;
  readonly runtime?: Runtime;
  readonly clock?: TestClock;
  /** The data directory of an earlier gateway, to play a restart. */
  readonly directory?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** `mcpServers`; absent: one program. */
  readonly servers?: JsonObject;
  readonly profiles?: JsonObject;
}

/** The gateway and its surroundings. */
export interface OAuthGateway {
  readonly gateway: GatewayHandle;
  readonly clock: TestClock;
  readonly directory: string;
  readonly events: readonly GatewayEvent[];
  /** As `fetch` of a client, to any URL of the gateway. */
  fetch(url: string | URL, init?: RequestInit): Promise<Response>;
  /** Closes it and removes its data, unless that is kept for a restart. */
  close(keepsData?: boolean): Promise<void>;
}

/** Opens a gateway. */
export async function openOAuthGateway(options: OAuthGatewayOptions = {}): Promise<OAuthGateway> {
  const { settings = {}, kinds = ["oauth"], clock = createTestClock() } = options;
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), "mcp-wrapper-oauth-"));
  const { config } = await readConfig({
    kinds: upstreamKinds,
    env: {
      PATH: process.env["PATH"] ?? "",
      MCP_DATA_DIR: directory,
      MCP_CONFIG: "mcp.json",
      MCP_AUTH: kinds.join(","),
      ...options.env,
    },
    cwd: directory,
    readText: (file) =>
      Promise.resolve(
        file.endsWith("mcp.json")
          ? JSON.stringify({
            mcpServers: options.servers ?? { child: hostileCommand() },
            profiles: options.profiles,
            auth: { ...options.auth, oauth: settings },
          })
          : undefined,
      ),
  });
  const events: GatewayEvent[] = [];
  const gateway = await createGateway({
    // The server starts only when a session needs it.
    config: { ...config, tryServers: false },
    runtime: options.runtime ?? await createTestRuntime(),
    clock,
    limits: options.limits ?? {},
  });
  gateway.observe((event) => void events.push(event));
  return {
    gateway,
    clock,
    directory,
    events,
    fetch: (url, init) => {
      const { host } = new URL(url);
      const headers = new Headers(init?.headers);
      headers.set("host", host);
      return gateway.fetch(new Request(String(url), { ...init, headers }), {
        remoteAddress: "192.0.2.7",
      });
    },
    async close(keepsData = false) {
      await gateway.close();
      if (!keepsData) rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** The person of these tests. */
export const ada: Person = { name: "ada", roles: ["staff"], groups: ["team"] };

/** A proof key (RFC 7636) and its challenge. */
export const verifier = "v".repeat(43);
export const challenge = "7w_YNF9DSfIdPf_pRjSq646_kPr-2-o9NAl16JGghdM";

/** Sends a form, and returns status and JSON of the answer. */
export async function postForm(
  { fetch }: Pick<OAuthGateway, "fetch">,
  path: string,
  form: Readonly<Record<string, string>> | URLSearchParams,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number; body: JsonObject; headers: Headers }> {
  const response = await fetch(`${base}${path}`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
    body: new URLSearchParams(form).toString(),
  });
  const text = await response.text();
  const body = text === "" ? {} : JSON.parse(text) as JsonObject;
  return { status: response.status, body, headers: response.headers };
}

/** The redirect URI of clients that run on the person's machine. */
export const loopback = "http://127.0.0.1:33418/callback";

/** Registers a client and returns its id. */
export async function register(
  { fetch }: Pick<OAuthGateway, "fetch">,
  metadata: JsonObject = {},
): Promise<JsonObject> {
  const response = await fetch(`${base}/oauth/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      redirect_uris: [loopback],
      token_endpoint_auth_method: "none",
      client_name: "A client",
      ...metadata,
    }),
  });
  return { status: response.status, ...await response.json() as JsonObject };
}

/** Asks for authorization; the parameters given here replace the usual ones, "" leaves one out. */
export async function askAuthorization(
  { fetch }: Pick<OAuthGateway, "fetch">,
  client: string,
  changes: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const params = new URLSearchParams({
    client_id: client,
    response_type: "code",
    redirect_uri: loopback,
    code_challenge: challenge,
    code_challenge_method: "S256",
    state: "the-state",
    resource: `${base}/mcp`,
    ...changes,
  });
  for (const [name, value] of [...params]) if (value === "") params.delete(name);
  return await fetch(`${base}/oauth/authorize?${params}`);
}

/** The id under which a request waits, from the redirect to the consent page. */
export function waitingIdOf(response: Response): string {
  const location = new URL(response.headers.get("location") ?? "about:blank");
  return location.searchParams.get("request") ?? "";
}

/** A person approves all that was asked for; the parameters of the redirect. */
export async function approve(
  { gateway }: Pick<OAuthGateway, "gateway">,
  response: Response,
  person: Person = ada,
): Promise<URL> {
  const id = waitingIdOf(response);
  const scopes = (await gateway.oauth?.waiting.find(id))?.scopes ?? [];
  const url = await gateway.oauth?.waiting.approve(id, person, scopes);
  if (url === undefined) throw new Error(`No request waits: ${response.status}`);
  return new URL(url);
}

/** Goes from nothing to a pair of tokens. */
export async function logIn(
  opened: OAuthGateway,
  changes: Readonly<Record<string, string>> = {},
  person: Person = ada,
): Promise<{ client: string; code: string; access: string; refresh: string; body: JsonObject }> {
  const client = String((await register(opened))["client_id"]);
  const redirect = await approve(opened, await askAuthorization(opened, client, changes), person);
  const code = redirect.searchParams.get("code") ?? "";
  const { body } = await redeem(opened, client, code);
  return {
    client,
    code,
    access: String(body["access_token"]),
    refresh: String(body["refresh_token"]),
    body,
  };
}

/** Redeems a code. */
export function redeem(
  opened: Pick<OAuthGateway, "fetch">,
  client: string,
  code: string,
  changes: Readonly<Record<string, string>> = {},
) {
  const form = new URLSearchParams({
    grant_type: "authorization_code",
    client_id: client,
    code,
    redirect_uri: loopback,
    code_verifier: verifier,
    ...changes,
  });
  for (const [name, value] of [...form]) if (value === "") form.delete(name);
  return postForm(opened, "/oauth/token", form);
}

/** Uses a refresh token. */
export function refresh(
  opened: Pick<OAuthGateway, "fetch">,
  client: string,
  token: string,
  changes: Readonly<Record<string, string>> = {},
) {
  return postForm(opened, "/oauth/token", {
    grant_type: "refresh_token",
    client_id: client,
    refresh_token: token,
    ...changes,
  });
}

/** The response to a request that needs no server, only a valid token: 400 lets it in, 401 not. */
export async function knock(
  { fetch }: Pick<OAuthGateway, "fetch">,
  token: string | undefined,
  path = "/mcp",
): Promise<Response> {
  const response = await fetch(`${base}${path}`, {
    method: "DELETE",
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });
  await response.text();
  return response;
}

/** Opens a session with a token. */
export async function openSession(
  { fetch }: Pick<OAuthGateway, "fetch">,
  token: string | undefined,
  path = "/mcp",
): Promise<Response> {
  const response = await fetch(`${base}${path}`, {
    method: "POST",
    headers: { ...jsonHeaders, ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(initialize("2025-11-25")),
  });
  await response.text();
  return response;
}
