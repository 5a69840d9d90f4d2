/**
 * Each known client connects to a protected gateway by the whole flow: it finds the authorization
 * server, identifies itself, sends a person to log in and to agree, uses tools in each revision of
 * the protocol, refreshes after its token expired, and revokes.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { JsonObject } from "../../src/model.ts";
import { runClock } from "../support/clock.ts";
import { type ClientProfile, clientProfiles } from "../support/client_profiles.ts";
import { initialize, jsonHeaders } from "../support/http_harness.ts";
import {
  type ClientSurroundings,
  findServer,
  type TokenReply,
  withDocuments,
} from "../support/oauth_client.ts";
import { base, type OAuthGateway, openOAuthGateway } from "../support/oauth_gateway.ts";
import { envelope, mirror } from "../support/stateless_client.ts";

const testMs = 60_000;
const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const publicUrl = "https://mcp.example.com";
const person = { name: "ada", password: "correct horse battery" };
const revisions = ["2025-06-18", "2025-11-25", "2026-07-28"];

/** Time passes as it does; a test lets whole days pass on the wall clock alone. */
async function openFor(profile: ClientProfile): Promise<[OAuthGateway, ClientSurroundings]> {
  const isPublic = profile.runsAt === "cloud";
  const opened = await openOAuthGateway({
    runtime: await withDocuments([profile]),
    // Hashes of full strength would only take time here.
    limits: { passwordMemoryKib: 64 },
    env: isPublic ? { MCP_AUTH: "oauth", MCP_PUBLIC_URL: publicUrl } : {},
  });
  await opened.gateway.access.users.add(person.name, {
    roles: [],
    groups: [],
    password: person.password,
  });
  const stopClock = runClock(opened.clock, () => true);
  const close = async () => {
    await opened.close();
    stopClock();
  };
  const url = `${isPublic ? publicUrl : base}${profile.path ?? "/mcp"}`;
  const seconds = () => Math.floor(opened.clock.wall() / 1000);
  return [{ ...opened, close }, { fetch: opened.fetch, url, person, seconds }];
}

/** The last JSON in a body, which may be a stream of events. */
async function toMessage(response: Response): Promise<JsonObject> {
  const text = await response.text();
  const events = text.split("\n").filter((line) => line.startsWith("data: {"));
  return JSON.parse(events.at(-1)?.slice("data: ".length) ?? text) as JsonObject;
}

/** Uses a tool with a token in a revision of the protocol; what the tool says. */
async function useTool(
  { fetch, url }: ClientSurroundings,
  token: string,
  revision: string,
): Promise<string> {
  const isStateless = revision === "2026-07-28";
  const authorization = `Bearer ${token}`;
  let session: Record<string, string> = {};
  const ask = async (id: number | undefined, method: string, params: JsonObject) => {
    const sent = isStateless ? { ...params, _meta: envelope() } : params;
    const response = await fetch(url, {
      method: "POST",
      headers: isStateless
        ? { ...mirror(method, params), authorization }
        : { ...jsonHeaders, ...session, authorization },
      body: JSON.stringify({ jsonrpc: "2.0", ...(id && { id }), method, params: sent }),
    });
    if (id === undefined) return void await response.text();
    if (method === "initialize") {
      session = {
        "mcp-session-id": response.headers.get("mcp-session-id") ?? "",
        "mcp-protocol-version": revision,
      };
    }
    return (await toMessage(response))["result"] as JsonObject | undefined;
  };
  if (!isStateless) {
    const hello = initialize(revision)["params"] as JsonObject;
    expect(await ask(1, "initialize", hello)).toMatchObject({ protocolVersion: revision });
    await ask(undefined, "notifications/initialized", {});
  }
  const listed = await ask(2, "tools/list", {});
  expect((listed?.["tools"] as { name: string }[]).map(({ name }) => name)).toContain("echo");
  const called = await ask(3, "tools/call", { name: "echo", arguments: { text: "hello" } });
  const [content] = called?.["content"] as [{ text: string }];
  return content.text;
}

/** The status of a request with a token, and the error in its challenge. */
async function statusWith({ fetch, url }: ClientSurroundings, token: string) {
  const response = await fetch(url, {
    method: "POST",
    headers: { ...jsonHeaders, authorization: `Bearer ${token}` },
    body: JSON.stringify(initialize("2025-11-25")),
  });
  await response.text();
  const error = /error="([^"]*)"/.exec(response.headers.get("www-authenticate") ?? "")?.[1];
  return { status: response.status, error };
}

const tokensOf = ({ status, body }: TokenReply) => {
  expect({ status, error: body["error"] }).toEqual({ status: 200, error: undefined });
  return { access: String(body["access_token"]), refresh: String(body["refresh_token"]) };
};

for (const profile of clientProfiles) {
  describe(profile.name, () => {
    let opened: OAuthGateway;
    let surroundings: ClientSurroundings;
    beforeAll(async () => {
      [opened, surroundings] = await openFor(profile);
    }, testMs);
    afterAll(() => opened?.close(), testMs);

    for (const revision of revisions) {
      test(`logs in, uses a tool in ${revision}, refreshes and revokes`, async () => {
        const client = await findServer(profile, surroundings);
        const first = await client.logIn();
        expect(await useTool(surroundings, first.access, revision)).toContain("hello");

        opened.clock.jump(dayMs + minuteMs);
        expect(await statusWith(surroundings, first.access)).toEqual({
          status: 401,
          error: "invalid_token",
        });
        const second = tokensOf(await client.refresh(first.refresh));
        expect(second.access).not.toBe(first.access);
        expect(await useTool(surroundings, second.access, revision)).toContain("hello");

        expect(await client.revoke(second.refresh)).toBe(200);
        expect(await statusWith(surroundings, second.access)).toEqual({
          status: 401,
          error: "invalid_token",
        });
        // Only this error lets clients log in again.
        expect(await client.refresh(second.refresh)).toMatchObject({
          status: 400,
          body: { error: "invalid_grant" },
        });
      }, testMs);
    }
  });
}

describe("sessions of Codex that share one grant", () => {
  const [codex] = clientProfiles.filter(({ name }) => name === "Codex");
  const logIn = async () => {
    if (codex === undefined) throw new Error("There is no such client");
    const [opened, surroundings] = await openFor(codex);
    const client = await findServer(codex, surroundings);
    return { opened, surroundings, client, first: await client.logIn() };
  };

  test("may present a refresh token that another used 59 minutes before", async () => {
    const { opened, surroundings, client, first } = await logIn();
    try {
      const one = tokensOf(await client.refresh(first.refresh));
      opened.clock.advance(59 * minuteMs);
      const other = tokensOf(await client.refresh(first.refresh));
      // The family goes on as one: both sessions hold the same newest token.
      expect(other.refresh).toBe(one.refresh);
      for (const { access } of [one, other]) {
        expect(await useTool(surroundings, access, "2025-11-25")).toContain("hello");
      }
      expect(tokensOf(await client.refresh(other.refresh)).refresh).not.toBe(other.refresh);
    } finally {
      await opened.close();
    }
  }, testMs);

  test("lose the grant when a token comes back long after its use", async () => {
    const { opened, surroundings, client, first } = await logIn();
    try {
      const one = tokensOf(await client.refresh(first.refresh));
      opened.clock.advance(2 * 60 * minuteMs);
      expect(await client.refresh(first.refresh)).toMatchObject({
        status: 400,
        body: { error: "invalid_grant" },
      });
      expect(await client.refresh(one.refresh)).toMatchObject({ body: { error: "invalid_grant" } });
      expect((await statusWith(surroundings, one.access)).status).toBe(401);
    } finally {
      await opened.close();
    }
  }, testMs);
});
