/**
 * P2, P4: what clients of either era get from a failing web API, and what the API receives. Every
 * failure is a result that the model can read, with the same members. Nothing is sent twice unless
 * that is safe, and only one kind of call is made without credentials.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type FaultServer, serveFaults } from "../support/fault_server.ts";
import { freePort } from "../support/free_port.ts";
import { clientKinds, openClient, type RealClient } from "../support/mcp_clients.ts";
import { until } from "../support/wait.ts";
import { serveTokens, type TokenReply, type TokenServer } from "../support/token_server.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";

const testMs = 120_000;
const key = "key-for-the-faulty-api";
const secretOfTheServer = "stack-trace-of-the-server";
const bomb = gzipSync(new Uint8Array(64 * 1024 * 1024));

interface Fault {
  readonly endpoint: string;
  readonly method?: string;
  /** Attempts that the API sees of one call. */
  readonly attempts: number;
  readonly says: string;
  /** Absent: `unknown`. */
  readonly outcome?: "refused" | "not_sent";
  readonly status?: number;
  readonly retryAfterMs?: number;
}

const faults: readonly Fault[] = [
  {
    endpoint: "unauthorized",
    attempts: 1,
    status: 401,
    says: "refused the credentials",
    outcome: "refused",
  },
  {
    endpoint: "forbidden",
    attempts: 1,
    status: 403,
    says: "not for this key",
    outcome: "refused",
  },
  { endpoint: "missing", attempts: 1, status: 404, says: "no such thing", outcome: "refused" },
  { endpoint: "fault", attempts: 1, status: 500, says: "status 500" },
  { endpoint: "away", attempts: 1, says: "private address" },
  { endpoint: "moved", method: "POST", attempts: 1, status: 307, says: "does not follow" },
  { endpoint: "bomb", attempts: 1, status: 200, says: "answer that cannot be read" },
  { endpoint: "hang", attempts: 1, says: "did not answer within" },
  { endpoint: "drip", attempts: 1, says: "did not answer within" },
  { endpoint: "cut", method: "POST", attempts: 1, says: "whether it took effect is unknown" },
  { endpoint: "gone", method: "POST", attempts: 1, status: 502, says: "status 502" },
  { endpoint: "replaced", method: "PUT", attempts: 1, status: 502, says: "status 502" },
];

/** Answers of calls that were carried out, and what their results say. */
const oddities: readonly { endpoint: string; says: string; text?: string }[] = [
  { endpoint: "html", says: 'a page ("text/html")', text: "<form>Log in</form>" },
  { endpoint: "nonsense", says: "not valid JSON", text: "{" },
  { endpoint: "words", says: '"text/plain" instead of JSON', text: "Order 17 placed" },
  { endpoint: "half", says: "the connection broke", text: '{"order":' },
  { endpoint: "zipped", says: "not valid gzip" },
  { endpoint: "archive", says: '"application/zip" instead of JSON' },
];

let api: FaultServer;
let other: FaultServer;
let tokens: TokenServer;
let gateway: SpawnedGateway;

/** An API that fails at each path in its own way. */
function serveApi(): Promise<FaultServer> {
  let flaky = 0;
  return serveFaults((request, response) => {
    const path = new URL(request.url ?? "", "http://x").pathname.slice(1);
    const json = (status: number, body: unknown, headers: Record<string, string> = {}) => {
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(typeof body === "string" ? body : JSON.stringify(body));
    };
    switch (path) {
      case "unauthorized":
        return json(401, { message: "unknown key" });
      case "forbidden":
        return json(403, { message: "not for this key" });
      case "missing":
        return json(404, { error: { message: "no such thing" } });
      case "fault":
        return json(500, { message: secretOfTheServer });
      case "busy":
        return json(429, {}, { "retry-after": "120" });
      case "flaky":
        return flaky++ % 2 === 0 ? json(503, {}, { "retry-after": "0" }) : json(200, { ok: true });
      case "moved":
        return json(307, {}, { location: "/fine" });
      case "words":
        response.writeHead(200, { "content-type": "text/plain" });
        return response.end("Order 17 placed");
      case "half":
        response.writeHead(200, { "content-type": "application/json", "content-length": "100" });
        return response.write('{"order":', () => response.destroy());
      case "zipped":
        return json(200, "no gzip", { "content-encoding": "gzip" });
      case "archive":
        response.writeHead(200, { "content-type": "application/zip" });
        return response.end(Uint8Array.of(80, 75, 3, 4, 0, 255));
      case "away":
        return json(302, {}, { location: `${other.origin}/` });
      case "html":
        response.writeHead(200, { "content-type": "text/html" });
        return response.end("<form>Log in</form>");
      case "nonsense":
        return json(200, "{");
      case "bomb":
        response.writeHead(200, {
          "content-type": "application/json",
          "content-encoding": "gzip",
        });
        return response.end(bomb);
      case "hang":
        return;
      case "drip":
        response.writeHead(200, { "content-type": "application/json" });
        return response.write(" ");
      case "cut":
        return response.destroy();
      case "gone":
      case "replaced":
        return json(502, {});
      default:
        return json(200, { ok: true });
    }
  });
}

const recipe = (names: readonly { endpoint: string; method?: string }[]) => ({
  title: "Faulty",
  description: "An API that fails",
  baseUrl: "http://127.0.0.1:1",
  endpoints: names.map(({ endpoint, method = "GET" }) => ({
    name: endpoint,
    description: endpoint,
    method,
    path: `/${endpoint}`,
    outputSchema: {},
    ...(endpoint === "hang" || endpoint === "drip" ? { repeatable: false } : {}),
  })),
});

const oauth = (tokenUrl: string, more: Record<string, unknown>) => ({
  recipe: "./open.json",
  baseUrl: api.origin,
  credentials: {
    type: "oauth2",
    tokenUrl,
    clientId: "me",
    clientSecret: "secret-of-the-client",
    ...more,
  },
});

const anonymous = { onFailure: "anonymous", public: true, anonymousTools: ["read"] };

beforeAll(async () => {
  api = await serveApi();
  other = await serveFaults((_, response) => response.end("{}"));
  tokens = await serveTokens(() => ({ status: 500 }));
  const closed = `http://127.0.0.1:${await freePort()}`;
  gateway = await spawnGateway({
    prepare(directory) {
      const all = [
        ...faults,
        ...oddities.map(({ endpoint }) => ({ endpoint, method: "POST" })),
        ...["busy", "flaky", "fine"].map((endpoint) => ({ endpoint })),
      ];
      writeFileSync(join(directory, "faulty.json"), JSON.stringify(recipe(all)));
      const open = [{ endpoint: "read" }, { endpoint: "write", method: "POST" }];
      writeFileSync(join(directory, "open.json"), JSON.stringify(recipe(open)));
    },
    servers: {
      faulty: {
        recipe: "./faulty.json",
        baseUrl: api.origin,
        credentials: { type: "api_key", in: "header", name: "x-key", key },
        callTimeoutMs: 2_000,
      },
      patient: { recipe: "./faulty.json", baseUrl: api.origin },
      busy: { recipe: "./faulty.json", baseUrl: api.origin },
      gone: { recipe: "./faulty.json", baseUrl: closed },
      ...Object.fromEntries(
        Object.keys(providers).flatMap((name) => [
          [`reject-${name}`, oauth(`${tokens.origin}/${name}`, {})],
          [`anonymous-${name}`, oauth(`${tokens.origin}/${name}`, anonymous)],
        ]),
      ),
    },
  });
}, testMs);

afterAll(async () => {
  await gateway?.dispose();
  await Promise.all([api, other, tokens].map((server) => server?.close()));
}, testMs);

/** How a provider of credentials fails -> whether it could not be reached, which alone is forgiven. */
const providers: Readonly<Record<string, { reply: TokenReply; isUnreachable: boolean }>> = {
  fault: { reply: { status: 500 }, isUnreachable: true },
  overloaded: { reply: { status: 503 }, isUnreachable: true },
  broken: { reply: "break", isUnreachable: true },
  grant: { reply: { status: 400, body: { error: "invalid_grant" } }, isUnreachable: false },
  client: { reply: { status: 401, body: { error: "invalid_client" } }, isUnreachable: false },
  forbidden: { reply: { status: 403 }, isUnreachable: false },
  page: { reply: { body: "<form>Log in</form>" }, isUnreachable: false },
  empty: { reply: { body: {} }, isUnreachable: false },
};

interface Told {
  readonly isError: boolean;
  readonly isDegraded: boolean;
  readonly text: string;
  /** Of a failure. */
  readonly outcome: unknown;
}

async function call(client: RealClient, tool: string): Promise<Told> {
  const { isError, content, _meta } = await client.callWhole(tool);
  const meta = _meta as Record<string, unknown> | undefined;
  return {
    isError: isError === true,
    isDegraded: meta?.["mcp-wrapper/degraded"] === true,
    outcome: meta?.["mcp-wrapper/outcome"],
    text: (content as { text: string }[])[0]?.text ?? "",
  };
}

/** One of each era. */
const kinds = clientKinds.filter(({ name }) => /Streamable|pinned/.test(name));

for (const kind of kinds) {
  describe(`what ${kind.name} gets from an API`, () => {
    let client: RealClient;
    beforeAll(async () => {
      client = await kind.open(gateway.url, "/servers/faulty/mcp");
    }, testMs);
    afterAll(() => client?.close(), testMs);

    for (const row of faults) {
      const { endpoint, attempts, says, status, retryAfterMs, method = "GET" } = row;
      test(`${endpoint}: a failure with its reason`, async () => {
        const before = api.seen.length;
        const { isError, text, outcome } = await call(client, endpoint);
        expect(isError).toBe(true);
        expect(outcome).toBe(row.outcome ?? "unknown");
        const fault = JSON.parse(text);
        expect(fault.error).toContain(says);
        expect(fault).toMatchObject({ url: `${api.origin}/${endpoint}`, method, outcome });
        expect([fault.status, fault.retryAfterMs]).toEqual([status, retryAfterMs]);
        expect(fault.response_time).toBeGreaterThanOrEqual(0);
        expect(new Date(fault.timestamp).toISOString()).toBe(fault.timestamp);
        expect(text).not.toContain(secretOfTheServer);
        expect(text).not.toContain(key);
        const seen = api.seen.slice(before).filter(({ url }) => url === `/${endpoint}`);
        expect(seen.length).toBe(attempts);
      }, testMs);
    }

    for (const { endpoint, says, text } of oddities) {
      test(
        `${endpoint}: a success whose answer is not as documented`,
        async () => {
          const before = api.seen.length;
          const { isError, structuredContent } = await client.callWhole(endpoint);
          expect(isError === true).toBe(false);
          const { raw, note } = structuredContent as { raw?: unknown; note: string };
          expect(raw).toEqual(text === undefined ? undefined : { text });
          expect(note).toContain("Not as documented");
          expect(note).toContain(says);
          expect(note).toContain("The call was carried out (status 200)");
          expect(api.seen.length - before).toBe(1);
        },
        testMs,
      );
    }

    test("that was briefly busy: the call is made again", async () => {
      const patient = await kind.open(gateway.url, "/servers/patient/mcp");
      expect(await call(patient, "flaky")).toMatchObject({ isError: false });
      await patient.close();
    }, testMs);

    test("after all that: the next call is answered", async () => {
      expect(await call(client, "fine")).toMatchObject({ isError: false });
    }, testMs);

    test("that is unavailable: the failure says so", async () => {
      const away = await kind.open(gateway.url, "/servers/gone/mcp");
      const { isError, text, outcome } = await call(away, "cut");
      await away.close();
      expect([isError, outcome]).toEqual([true, "not_sent"]);
      // Once it was tried often enough, it is not tried each time.
      expect(JSON.parse(text).error).toMatch(/cannot be reached|could not be reached just now/);
    }, testMs);
  });
}

test(
  "F6 an API that limits calls gets no request from any client until the time that it names",
  async () => {
    expect(kinds.length).toBe(2);
    const told: { status?: number; retryAfterMs?: number }[] = [];
    for (const kind of kinds) {
      const client = await kind.open(gateway.url, "/servers/busy/mcp");
      told.push(JSON.parse((await call(client, "busy")).text));
      await client.close();
    }
    expect(told[0]).toMatchObject({ status: 429, retryAfterMs: 120_000 });
    expect(told[1]?.retryAfterMs).toBeGreaterThan(60_000);
    expect(api.seen.filter(({ url }) => url === "/busy").length).toBe(1);
  },
  testMs,
);

test("F2 a redirect to another server sends it nothing", () => {
  expect(other.connections()).toBe(0);
});

describe("P2 without credentials", () => {
  const shown = () => api.seen.filter(({ headers }) => headers.authorization === undefined);
  const modes = ["reject", "anonymous"];
  const old = new Map<string, RealClient>();
  const open = (server: string) => openClient(gateway.url, `/servers/${server}/mcp`);

  beforeAll(async () => {
    tokens.reply = () => ({ body: { access_token: "token-of-today", expires_in: 1 } });
    await Promise.all(
      Object.keys(providers).flatMap((name) =>
        modes.map(async (mode) => {
          const client = await open(`${mode}-${name}`);
          old.set(`${mode}-${name}`, client);
          expect(await call(client, "read")).toMatchObject({ isError: false, isDegraded: false });
        })
      ),
    );
    const expired = performance.now() + 1_000;
    tokens.reply = ({ path }) => providers[path.slice(1)]?.reply ?? "hang";
    await until("the tokens have expired", () => performance.now() > expired);
  }, testMs);

  afterAll(() => Promise.all([...old.values()].map((client) => client.close())), testMs);

  for (const [name, { isUnreachable }] of Object.entries(providers)) {
    test(
      `P2 a provider's failure "${name}" allows no unauthenticated call but those that the configuration lists`,
      async () => {
        const cells: string[] = [];
        for (const server of modes.map((mode) => `${mode}-${name}`)) {
          const fresh = await open(server);
          for (const [age, client] of [["old", old.get(server)], ["new", fresh]] as const) {
            for (const tool of ["read", "write"]) {
              if (client === undefined) throw new Error(`No old session of ${server}`);
              const before = shown().length;
              const told = await call(client, tool);
              expect([tool, told.isError]).toEqual([tool, !told.isDegraded]);
              expect(shown().length - before).toBe(told.isDegraded ? 1 : 0);
              if (!told.isDegraded) continue;
              cells.push(`${server} ${age} ${tool}`);
              const health = await (await fetch(`${gateway.url}/health`)).json();
              expect(health).toMatchObject({ status: "healthy" });
              expect((health as { degraded: string[] }).degraded).toContain(server);
            }
          }
          await fresh.close();
        }
        expect(cells).toEqual(isUnreachable ? [`anonymous-${name} new read`] : []);
      },
      testMs,
    );
  }
});
