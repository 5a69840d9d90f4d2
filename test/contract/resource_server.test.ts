/**
 * H8, H12 The gateway as a resource server, seen from outside: keys, access tokens and JWTs are in
 * use at once, and whatever is no valid credential is refused on every URL and method alike. The
 * URLs come from the route table itself.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type AdminParts, adminRows } from "../../src/http/admin/admin_routes.ts";
import { surfaceKinds } from "../../src/http/surface_kinds.ts";
import { defaultLimits } from "../../src/limits.ts";
import { createHarness } from "../support/http_harness.ts";
import { jwtMutations } from "../support/jwt_mutations.ts";
import { base } from "../support/oauth_gateway.ts";
import {
  openResourceGateway,
  type ResourceGateway,
  type SentCredential,
  type WrongCredential,
} from "../support/resource_tokens.ts";
import { bearerMutations } from "../support/token_mutations.ts";

const testMs = 240_000;
const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "QUERY"];
const kinds = ["key", "opaque", "jwt"] as const;

/** Of a server that exists, of one that does not, and the first in another spelling. */
const names = ["child", "none", "%63hild"];
const paths = createHarness().handler.routes
  .filter((row) => !("openMethods" in row))
  .flatMap(({ path }) =>
    path.includes(":name") ? names.map((name) => path.replace(":name", name)) : [path]
  );

let resource: ResourceGateway;
beforeAll(async () => {
  resource = await openResourceGateway();
}, testMs);
afterAll(() => resource.close(), testMs);

interface Refusal {
  readonly status: number;
  readonly challenge: string;
  readonly body: string;
}

async function send(
  method: string,
  path: string,
  { headers = {}, query, body }: SentCredential,
): Promise<Response> {
  const type = body?.type ?? "text/html";
  const takesBody = method !== "GET" && method !== "HEAD";
  return await resource.opened.fetch(`${base}${path}${query === undefined ? "" : `?${query}`}`, {
    method,
    headers: { "content-type": type, "mcp-session-id": "x", accept: "image/png", ...headers },
    ...(takesBody ? { body: body?.text ?? "{ no JSON" } : {}),
  });
}

/** What a credential gets, as different answers with the place of the first. */
async function refusalsOf(sent: SentCredential): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const path of paths) {
    for (const method of methods) {
      const response = await send(method, path, sent);
      // A card belongs to the endpoint that it describes.
      const endpoint = path.replace(/\/server-card$/, "");
      const metadata = `${base}/.well-known/oauth-protected-resource${endpoint}"`;
      const refusal: Refusal = {
        status: response.status,
        challenge: (response.headers.get("www-authenticate") ?? "").replace(metadata, 'PLACE"'),
        body: await response.text(),
      };
      const key = JSON.stringify(refusal);
      if (!found.has(key)) found.set(key, `${method} ${path}`);
    }
  }
  return found;
}

/** Refused everywhere, in the same words; returns the error of the challenge. */
async function expectRefused({ name, sent }: WrongCredential): Promise<string | undefined> {
  const refusals = [...await refusalsOf(sent)];
  const [first] = refusals;
  expect([name, refusals.slice(1)]).toEqual([name, []]);
  const { status, challenge } = JSON.parse(first?.[0] ?? "{}") as Refusal;
  expect([name, status]).toEqual([name, 401]);
  expect(challenge).toMatch(
    /^Bearer (?:error="\w+", )?resource_metadata="PLACE", scope="mcp offline_access"$/,
  );
  return /error="(\w+)"/.exec(challenge)?.[1];
}

describe("H12 a valid credential of each kind", () => {
  const forms: [string, (token: string) => string][] = [
    ["as it is", (token) => `Bearer ${token}`],
    ["under the scheme in lower case", (token) => `bearer ${token}`],
    ["under the scheme in upper case", (token) => `BEARER ${token}`],
    ["with blanks around it", (token) => `Bearer   ${token}  `],
  ];
  for (const [name, form] of forms) {
    test(`is taken ${name} on each endpoint that it is for`, async () => {
      for (const kind of kinds) {
        const headers = { authorization: form(resource.valid[kind]) };
        const own = kind === "jwt"
          ? paths.filter((path) => !/^\/(?:servers|profiles|search)\//.test(path))
          : paths;
        for (const path of own) {
          const response = await send("PUT", path, { headers });
          await response.text();
          expect([kind, path, [404, 405].includes(response.status)]).toEqual([kind, path, true]);
        }
      }
    });
  }
});

describe("H8 a credential that is not valid is refused alike on every URL and method:", () => {
  for (const kind of kinds) {
    test(`a changed ${kind}`, async () => {
      for (const { name, mutate, error } of bearerMutations) {
        const found = await expectRefused({ name, sent: mutate(resource.valid[kind]) });
        if (error === "invalid_request") expect([name, found]).toEqual([name, error]);
      }
    }, testMs);
  }

  test("what was valid, is for another use, or is at another place", async () => {
    expect(resource.wrong.length).toBeGreaterThan(60);
    for (const row of resource.wrong) await expectRefused(row);
  }, testMs);

  test("forged JWTs", async () => {
    for (const { name, forge } of jwtMutations) {
      const token = await forge(resource.forge);
      await expectRefused({ name, sent: { headers: { authorization: `Bearer ${token}` } } });
    }
  }, testMs);

  test("two headers", async () => {
    const { key, opaque, jwt } = resource.valid;
    for (const [one, other] of [[key, "x"], ["x", opaque], [jwt, jwt], [opaque, key]]) {
      const headers = new Headers([
        ["authorization", `Bearer ${one}`],
        ["authorization", `Bearer ${other}`],
      ]);
      const sent = { headers: Object.fromEntries(headers) };
      await expectRefused({ name: `${one} ${other}`, sent });
    }
  }, testMs);
});

describe("H12 the admin API", () => {
  test("takes no credential of clients, on any URL and method", async () => {
    const { gateway } = resource.opened;
    const host = "127.0.0.1";
    const admin = gateway.admin;
    if (admin === undefined) throw new Error("There is no admin API");
    admin.open({
      host,
      port: 8998,
      url: "http://127.0.0.1:8998",
      allowedHosts: [],
      program: {},
      maySpawn: false,
      reload: () => Promise.resolve(),
    });
    const operator = { registry: {}, servers: () => [], restart: () => Promise.resolve() };
    const access = { keys: {}, users: {}, clients: {}, grants: {} };
    const rows = adminRows(
      { operator, access, surfaceKinds, limits: defaultLimits } as unknown as AdminParts,
    );
    // The static files of the page and the proof of the gateway need no token.
    const open = new Set(rows.filter(({ right }) => right === "none").map(({ path }) => path));
    const adminPaths = [...new Set(rows.map(({ path }) => path)), "/admin/none", "/mcp"]
      .filter((path) => !open.has(path))
      .flatMap((path) => path.includes(":name") ? [path.replace(":name", "child")] : [path]);
    const valid = kinds.map((kind): SentCredential => ({
      headers: { authorization: `Bearer ${resource.valid[kind]}` },
    }));
    const foreign = resource.wrong.filter(({ name }) => !name.includes("admin API"));
    const wrong = [...valid, ...foreign.map(({ sent }) => sent)];
    for (const { headers, query, body } of wrong) {
      const found = new Set<string>();
      for (const path of adminPaths) {
        for (const method of methods) {
          const takesBody = method !== "GET" && method !== "HEAD";
          const url = `http://${host}:8998${path}${query === undefined ? "" : `?${query}`}`;
          const response = await admin.fetch(
            new Request(url, {
              method,
              headers: { host: `${host}:8998`, ...headers },
              ...(takesBody ? { body: body?.text ?? "{}" } : {}),
            }),
            { remoteAddress: "192.0.2.7" },
          );
          const challenge = response.headers.get("www-authenticate");
          found.add(`${response.status} ${challenge} ${await response.text()}`);
        }
      }
      expect([...found].length).toBe(1);
      expect([...found][0]).toMatch(/^401 Bearer realm="mcp-wrapper admin"/);
    }
  }, testMs);
});
