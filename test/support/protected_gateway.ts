/**
 * A gateway with authenticated clients in front of servers that want a bearer token. Each server
 * lists a tool that is named after the person whose token came, and answers calls with that name. A
 * session that another token uses is noted, since that must never be.
 */
import process from "node:process";
import { createGateway, type GatewayHandle } from "../../src/app.ts";
import type { HttpServerConfig, ServerOAuthConfig } from "../../src/config/config.ts";
import { readConfig } from "../../src/config/environment.ts";
import type { JsonObject } from "../../src/model.ts";
import {
  type HostileUpstream,
  lineRules,
  type Rule,
  type Rules,
  serveUpstream,
  sessionRules,
  statelessRules,
  type Visit,
} from "../fault/hostile_upstream.ts";
import { type AccessAnswer, answerOf } from "./access_gateway.ts";
import { createFakeGrants, type FakeGrants } from "./fake_grants.ts";
import { createTestRuntime } from "./fake_runtime.ts";
import { by, createHeaderAuthenticator } from "./header_authenticator.ts";
import { framesOf, initialize, jsonHeaders } from "./http_harness.ts";
import { remoteConfig } from "./http_upstream.ts";
import { ask } from "./stateless_client.ts";
import { until, within } from "./wait.ts";

/** How a protected server speaks. */
export type Speech = "session" | "stateless" | "line";

/** A server that wants a token. */
export interface ProtectedUpstream extends HostileUpstream {
  /** Requests with a token that was not that of the session they named. */
  readonly violations: string[];
  /** The persons whose tokens came, one for each request that was answered. */
  readonly persons: string[];
}

const challenge = 'Bearer resource_metadata="https://example.com/.well-known/x"';
const makeRules = {
  session: sessionRules,
  stateless: statelessRules,
  line: lineRules,
} as const;

/** Serves it; the tokens are `token-of-{person}`. */
export async function serveProtected(
  speech: Speech,
  isOpen: () => boolean = () => false,
): Promise<ProtectedUpstream> {
  const violations: string[] = [];
  const persons: string[] = [];
  const owners = new Map<string, string>();
  const personOf = ({ headers }: Visit): string | undefined =>
    /^Bearer token-of-(\w+)$/.exec(headers.authorization ?? "")?.[1] ??
      (isOpen() ? "guest" : undefined);
  const guarded = (rule: Rule): Rule => (visit) => {
    const person = personOf(visit);
    if (person === undefined) return visit.status(401, { "www-authenticate": challenge });
    const owner = visit.session === undefined ? undefined : owners.get(visit.session);
    if (owner !== undefined && owner !== person) violations.push(`${person} in ${owner}'s session`);
    persons.push(person);
    if (speech === "line" && visit.verb === "POST" && visit.path === "/mcp") {
      return visit.status(405);
    }
    return rule(visit);
  };
  const lists = (person: string) => [{
    name: `tool_of_${person}`,
    inputSchema: { type: "object" },
  }];
  const hints = speech === "stateless"
    ? { resultType: "complete", ttlMs: 0, cacheScope: "private" }
    : {};
  const rules: Rules = makeRules[speech]();
  const later = (value: (visit: Visit) => JsonObject): Rule =>
    speech === "line"
      ? (visit) => {
        visit.status(202);
        lines.get(visit.path)?.result(value(visit), visit.message["id"]);
      }
      : (visit) => visit.result({ ...value(visit), ...hints });
  /** The streams of clients of the oldest transport, by the path to which they post. */
  const lines = new Map<string, ReturnType<Visit["stream"]>>();
  if (speech === "line") {
    rules["GET"] = (visit) => {
      const line = visit.stream();
      const path = `/messages?line=${lines.size}`;
      lines.set(path, line);
      line.event({ event: "endpoint", data: path });
    };
    rules["initialize"] = later(({ params }) => ({
      protocolVersion: params["protocolVersion"],
      capabilities: { tools: {} },
      serverInfo: { name: "line", version: "1" },
    }));
  }
  const initializeRule = rules["initialize"];
  if (speech === "session") {
    let count = 0;
    rules["initialize"] = (visit) => {
      owners.set(`s${count += 1}`, personOf(visit) ?? "");
      return initializeRule?.(visit);
    };
  }
  rules["tools/list"] = later((visit) => ({ tools: lists(personOf(visit) ?? "") }));
  rules["tools/call"] = later((visit) => ({
    content: [{ type: "text", text: personOf(visit) }],
  }));
  for (const name of Object.keys(rules)) {
    const rule = rules[name];
    if (rule !== undefined) rules[name] = guarded(rule);
  }
  return { ...await serveUpstream(rules), violations, persons };
}

/** A gateway whose clients are persons. */
export interface ProtectedGateway {
  readonly gateway: GatewayHandle;
  readonly grants: FakeGrants;
  /** A request of a stateless client. */
  ask(person: string, method: string, params?: JsonObject, path?: string): Promise<AccessAnswer>;
  /** A session of a person. */
  connect(person: string, path?: string): Promise<ProtectedSession>;
  close(): Promise<void>;
}

/** A session, and the notices that came on its stream. */
export interface ProtectedSession {
  request(method: string, params?: JsonObject): Promise<AccessAnswer>;
  readonly heard: string[];
}

/** Settings of one server. */
export type ServerSettings = Partial<HttpServerConfig> & { readonly url: string };

/** Starts it. */
export async function startProtected(
  servers: Readonly<Record<string, ServerSettings>>,
  { tries = false, oauth = {} }: {
    readonly tries?: boolean;
    readonly oauth?: Partial<ServerOAuthConfig>;
  } = {},
): Promise<ProtectedGateway> {
  const grants = createFakeGrants();
  const env = { PATH: process.env["PATH"] ?? "", MCP_DATA_DIR: ":memory:" };
  const { kinds } = grants;
  const { config } = await readConfig({ kinds, env, cwd: "/srv", readText: async () => undefined });
  const gateway = await createGateway({
    config: {
      ...config,
      publicUrl: "https://gateway.example",
      names: "prefixed",
      servers: Object.entries(servers).map(([name, own]) =>
        remoteConfig(own.url, {
          name,
          oauth: { grant: "each", connectTool: true, ...oauth },
          ...own,
        })
      ),
      tryServers: tries,
      auth: { kinds: ["people"], settings: {} },
    },
    runtime: await createTestRuntime(),
    kinds,
    authenticators: { people: createHeaderAuthenticator },
  });
  const send = (
    person: string,
    method: string,
    path: string,
    { headers, body }: { headers?: Record<string, string>; body?: unknown } = {},
  ) =>
    within(
      `${method} ${path}`,
      gateway.fetch(
        new Request(`http://localhost:8999${path}`, {
          method,
          headers: { host: "localhost:8999", ...by(person), ...headers },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        }),
      ),
    );
  return {
    gateway,
    grants,
    ask: async (person, method, params, path = "/mcp") =>
      await answerOf(
        await ask(
          { send: (verb, to, init = {}) => send(person, verb, to, init) },
          method,
          params,
          { path },
        ),
      ),
    async connect(person, path = "/mcp") {
      const opened = await send(person, "POST", path, {
        headers: jsonHeaders,
        body: initialize("2025-11-25"),
      });
      await opened.text();
      const own = { "mcp-session-id": opened.headers.get("mcp-session-id") ?? "" };
      const post = (body: unknown) =>
        send(person, "POST", path, { headers: { ...jsonHeaders, ...own }, body });
      await (await post({ jsonrpc: "2.0", method: "notifications/initialized" })).text();
      const stream = framesOf(
        await send(person, "GET", path, { headers: { accept: "text/event-stream", ...own } }),
      );
      const heard: string[] = [];
      void (async () => {
        for (;;) heard.push(String((await stream.message())["method"]));
      })().catch(() => {});
      let id = 0;
      return {
        heard,
        request: async (method, params = {}) =>
          await answerOf(await post({ jsonrpc: "2.0", id: id += 1, method, params })),
      };
    },
    async close() {
      void gateway.drain();
      await gateway.close();
    },
  };
}

/** The names in a list of tools. */
export function namesIn({ result, error }: AccessAnswer): string[] {
  if (error !== undefined) throw new Error(error.message);
  return (result?.["tools"] as JsonObject[]).map(({ name }) => String(name));
}

/** The text of a tool's result. */
export function textIn({ result, error }: AccessAnswer): string {
  if (error !== undefined) throw new Error(error.message);
  return String((result?.["content"] as JsonObject[])[0]?.["text"]);
}

/** Waits until a person's tools are these. */
export async function untilListed(
  list: () => Promise<AccessAnswer>,
  names: readonly string[],
): Promise<void> {
  await until(`the tools are ${names}`, async () => namesIn(await list()).join() === names.join());
}
