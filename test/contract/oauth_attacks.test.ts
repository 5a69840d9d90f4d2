/**
 * Attacks on the authorization server by clients, their people and strangers: what was taken away
 * stays away, no scope or name reaches further than it says, and a flood of one stranger does not
 * push others out.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Person } from "../../src/oauth/waiting_authorizations.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import {
  approve,
  askAuthorization,
  base,
  challenge,
  knock,
  logIn,
  loopback,
  type OAuthGateway,
  openOAuthGateway,
  postForm,
  redeem,
  refresh,
  register,
  waitingIdOf,
} from "../support/oauth_gateway.ts";
import { openBrowser, type TestBrowser } from "../support/oauth_person.ts";
import { openResourceGateway } from "../support/resource_tokens.ts";

const testMs = 60_000;
const password = "correct horse battery";
const ann: Person = { name: "ann", roles: [], groups: [] };

let opened: OAuthGateway;
beforeEach(async () => {
  opened = await openOAuthGateway({
    limits: { passwordMemoryKib: 64, waitingAuthorizationsMax: 12, waitingPerAddressMax: 4 },
    settings: {
      clients: [
        { id: "desk", redirectUris: [loopback] },
        {
          id: "robot",
          secret: "the-secret-of-a-robot",
          grants: ["client_credentials"],
          scopes: ["mcp:server:child"],
        },
      ],
    },
  });
  await opened.gateway.access.users.add("ann", { roles: [], groups: [], password });
}, testMs);
afterEach(() => opened.close(), testMs);

/** Sends a request from an address. */
const from = (address: string, url: string, init: RequestInit = {}) => {
  const headers = new Headers(init.headers);
  headers.set("host", new URL(base).host);
  return opened.gateway.fetch(new Request(url, { ...init, headers }), { remoteAddress: address });
};

async function codeFor(client: string): Promise<string> {
  const redirect = await approve(opened, await askAuthorization(opened, client), ann);
  return redirect.searchParams.get("code") ?? "";
}

/** A browser that shows the consent page of a client, logged in. */
async function consentOf(client: string): Promise<{ browser: TestBrowser; page: ShownConsent }> {
  const browser = openBrowser((request) =>
    opened.gateway.fetch(request, { remoteAddress: "192.0.2.7" })
  );
  const asked = await askAuthorization(opened, client);
  const page = await browser.open(asked.headers.get("location") ?? "");
  return { browser, page: await browser.submit(page, { name: "ann", password }) };
}
type ShownConsent = Awaited<ReturnType<TestBrowser["open"]>>;

describe("a code that was not redeemed yet is worth nothing after", () => {
  const steps: [string, (client: string) => Promise<unknown>][] = [
    ["its person was removed", () => opened.gateway.access.users.remove("ann")],
    [
      "its person got another password",
      () => opened.gateway.access.users.setPassword("ann", "another long password"),
    ],
    [
      "its grant was revoked",
      async () => {
        const [grant] = await opened.gateway.access.grants.list();
        expect(grant).toMatchObject({ principal: "user:ann" });
        await opened.gateway.access.grants.revoke(grant?.id ?? "");
      },
    ],
    [
      "its client revoked it",
      async (client) => {
        const form = { client_id: client, token: lastCode };
        await postForm(opened, "/oauth/revoke", form);
      },
    ],
  ];
  let lastCode = "";
  for (const [what, step] of steps) {
    test(what, async () => {
      for (const client of ["desk", String((await register(opened))["client_id"])]) {
        lastCode = await codeFor(client);
        if (client !== "desk" && what.includes("removed")) continue;
        await step(client);
        const { status, body } = await redeem(opened, client, lastCode);
        expect([status, body["error"]]).toEqual([400, "invalid_grant"]);
        expect(await opened.gateway.access.grants.list()).toEqual([]);
      }
    });
  }

  test("it expired, and its grant is gone", async () => {
    await codeFor("desk");
    expect(await opened.gateway.access.grants.list()).toHaveLength(1);
    opened.clock.advance(3 * 3_600_000);
    await new Promise((resolve) => setTimeout(resolve));
    expect(await opened.gateway.access.grants.list()).toEqual([]);
  });
});

describe("a consent page", () => {
  test("whose person is removed while the form arrives gives no code", async () => {
    const { browser, page } = await consentOf("desk");
    const fields = [...page.html.matchAll(/name="(proof|request)" value="([^"]*)"/g)].slice(0, 2)
      .map(([, name = "", value = ""]): [string, string] => [name, value]);
    const form = new URLSearchParams([...fields, ["decision", "allow"]]).toString();
    const arrived = Promise.withResolvers<void>();
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        await arrived.promise;
        controller.enqueue(new TextEncoder().encode(form));
        controller.close();
      },
    }, { highWaterMark: 0 });
    const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const answering = from("192.0.2.7", `${base}/oauth/consent`, {
      method: "POST",
      headers: { cookie, "content-type": "application/x-www-form-urlencoded" },
      body,
      duplex: "half",
    } as RequestInit);
    await opened.gateway.access.users.remove("ann");
    arrived.resolve();
    const answer = await answering;
    expect(await answer.text()).not.toContain("mcpc_");
    expect([answer.status, answer.headers.get("location")?.split("?")[0]])
      .toEqual([303, "/oauth/login"]);
  });

  test("of a client that was revoked meanwhile says that the request is gone", async () => {
    const client = String((await register(opened))["client_id"]);
    const { browser, page } = await consentOf(client);
    await opened.gateway.access.clients.revoke(client);
    const { status, html } = await browser.submit(page, { decision: "allow" });
    expect([status, html.includes("no longer waiting")]).toEqual([410, true]);
  });

  test("shows the resource of a stranger as one line without hidden characters", async () => {
    const resource = `${base}/servers/x%E2%80%AE%0Ay${"z".repeat(900)}/mcp`;
    const asked = await askAuthorization(opened, "desk", { resource });
    const browser = openBrowser((request) => opened.gateway.fetch(request, {}));
    const first = await browser.open(asked.headers.get("location") ?? "");
    const { html } = await browser.submit(first, { name: "ann", password });
    expect(html).toContain("/servers/x\\u{202e} y");
    expect(html).not.toContain("z".repeat(800));
  });
});

describe("a scope", () => {
  test("with a pattern in the place of a server's name is unknown", async () => {
    for (const scope of ["mcp:server:*", "mcp:server:c*", "mcp:server:**"]) {
      const alone = await askAuthorization(opened, "desk", { scope });
      expect(new URL(alone.headers.get("location") ?? "").searchParams.get("error"))
        .toBe("invalid_scope");
      const among = await askAuthorization(opened, "desk", { scope: `mcp:server:child ${scope}` });
      expect((await opened.gateway.oauth?.waiting.find(waitingIdOf(among)))?.scopes)
        .toEqual(["mcp:server:child"]);
    }
  });

  test("of one server never grows, by refreshing or by asking as a machine", async () => {
    const { client, refresh: token } = await logIn(opened, { scope: "mcp:server:child" }, ann);
    const machine = { grant_type: "client_credentials", client_id: "robot" };
    for (const scope of ["mcp", "mcp:server:other", "mcp:server:*", "mcp:server:child mcp"]) {
      const wider = await refresh(opened, client, token, { scope });
      expect([scope, wider.body["error"]]).toEqual([scope, "invalid_scope"]);
      const form = { ...machine, client_secret: "the-secret-of-a-robot", scope };
      const { body } = await postForm(opened, "/oauth/token", form);
      expect([scope, body["error"]]).toEqual([scope, "invalid_scope"]);
    }
  });

  test("of everything is not narrowed to a pattern", async () => {
    const { client, refresh: token } = await logIn(opened, { scope: "mcp" }, ann);
    const { body } = await refresh(opened, client, token, { scope: "mcp:server:*" });
    expect(body["error"]).toBe("invalid_scope");
  });
});

test("a JWT whose scope has a pattern reaches no server by it", async () => {
  const resource = await openResourceGateway();
  const { issuer, claims } = resource.forge;
  const statusWith = async (scope: string): Promise<number> => {
    const token = await issuer.sign({ ...claims, aud: `${base}/servers/child/mcp`, scope });
    return (await knock(resource.opened, token, "/servers/child/mcp")).status;
  };
  const statuses = [await statusWith("mcp:server:child"), await statusWith("mcp:server:*")];
  await resource.close();
  expect(statuses).toEqual([400, 403]);
}, testMs);

describe("a redirect URI", () => {
  test("that readers of URLs understand in different ways is refused", async () => {
    const odd = [
      "https:client.example/cb",
      "https:/client.example/cb",
      "https:///client.example/cb",
      "http:127.0.0.1/cb",
      "http:/localhost/cb",
      "HTTPS:client.example/cb",
      "https:\\\\client.example/cb",
      "//client.example/cb",
      "https://client.example\\@evil.example/cb",
      "https://client.example@evil.example/cb",
      "https://clıent.example/cb",
      "https://client.example/cb#x",
      "javascript://client.example/%0aalert(1)",
      "JavaScript:alert(1)",
      "data:text/html,x",
      "file:///etc/passwd",
      " https://client.example/cb",
      "https://client.example/c b",
    ];
    for (const [index, uri] of odd.entries()) {
      const answer = await from(`198.51.100.${index}`, `${base}/oauth/register`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ redirect_uris: [uri] }),
      });
      const { error } = await answer.json() as { error?: string };
      expect([uri, answer.status, error]).toEqual([uri, 400, "invalid_redirect_uri"]);
    }
  });
});

describe("a flood", () => {
  const ask = (address: string) =>
    from(
      address,
      `${base}/oauth/authorize?${new URLSearchParams({
        client_id: "desk",
        response_type: "code",
        redirect_uri: loopback,
        code_challenge: challenge,
        code_challenge_method: "S256",
      })}`,
    );
  const isWaiting = async (id: string) =>
    await opened.gateway.oauth?.waiting.find(id) !== undefined;

  test("of requests from one IPv6 network pushes out its own alone", async () => {
    const honest = waitingIdOf(await ask("203.0.113.9"));
    for (let host = 1; host <= 40; host += 1) await ask(`2001:db8::${host.toString(16)}`);
    expect(await isWaiting(honest)).toBe(true);
  });

  test("of requests from several networks does not push out one of another", async () => {
    const honest = waitingIdOf(await ask("203.0.113.9"));
    for (let round = 0; round < 4; round += 1) {
      for (let net = 1; net <= 6; net += 1) await ask(`198.51.100.${net}`);
    }
    expect(await isWaiting(honest)).toBe(true);
  });

  test("of refreshes by one client is slowed down, and ends no grant", async () => {
    await opened.close();
    opened = await openOAuthGateway({ limits: { refreshesPerGrantMax: 5 } });
    const other = await logIn(opened);
    const { client, refresh: first } = await logIn(opened);
    let token = first;
    for (let count = 0; count < 5; count += 1) {
      token = String((await refresh(opened, client, token)).body["refresh_token"]);
    }
    const { status, body, headers } = await refresh(opened, client, token);
    expect([status, body["error"]]).toEqual([429, "too_many_requests"]);
    expect((await refresh(opened, other.client, other.refresh)).status).toBe(200);
    opened.clock.advance(Number(headers.get("retry-after")) * 1_000);
    expect((await refresh(opened, client, token)).status).toBe(200);
  });

  test("of clients' key sets from one address does not stop others'", async () => {
    await opened.close();
    const runtime = await createTestRuntime();
    const asked: string[] = [];
    opened = await openOAuthGateway({
      limits: { clientDocumentsPerAddressMax: 3 },
      runtime: {
        ...runtime,
        request: ({ url }) => {
          asked.push(url);
          return Promise.reject(new Error("not here"));
        },
      },
    });
    const tryKeys = async (address: string, name: string) => {
      const jwksUri = `https://${name}.example/keys`;
      const { client_id: id } = await register(opened, {
        token_endpoint_auth_method: "private_key_jwt",
        jwks_uri: jwksUri,
      });
      const form = new URLSearchParams({
        client_id: String(id),
        grant_type: "authorization_code",
        client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        client_assertion: "a.b.c",
      });
      await from(address, `${base}/oauth/token`, {
        method: "POST",
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: form.toString(),
      });
      return asked.includes(jwksUri);
    };
    const flood = [];
    for (let count = 0; count < 5; count += 1) {
      flood.push(await tryKeys("198.51.100.1", `f${count}`));
    }
    expect(flood).toEqual([true, true, true, false, false]);
    expect(await tryKeys("198.51.100.2", "honest")).toBe(true);
  });
});

test("revoking while tokens are refreshed leaves none that is good", async () => {
  for (let turns = 0; turns < 24; turns += 1) {
    const { client, refresh: token } = await logIn(opened, {}, ann);
    const refreshing = [refresh(opened, client, token), refresh(opened, client, token)];
    for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
    await opened.gateway.oauth?.revokePrincipal("user:ann", "a test");
    for (const { status, body } of await Promise.all(refreshing)) {
      if (status !== 200) continue;
      expect((await knock(opened, String(body["access_token"]))).status).toBe(401);
      const again = await refresh(opened, client, String(body["refresh_token"]));
      expect(again.body["error"]).toBe("invalid_grant");
    }
    await opened.gateway.access.clients.revoke(client);
    opened.clock.advance(3_600_000);
  }
}, testMs);
