/**
 * A whole log-in at a gateway: a client registers, a person logs in with a password and allows it,
 * and the client calls with its token. Then what operators take away is gone at once.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  base,
  challenge,
  knock,
  loopback,
  type OAuthGateway,
  openOAuthGateway,
  redeem,
  register,
} from "../support/oauth_gateway.ts";
import { followAuthorization, type SendRequest } from "../support/oauth_person.ts";

const password = "correct horse battery";

let opened: OAuthGateway;
let client: string;
const send: SendRequest = (request) =>
  opened.gateway.fetch(request, { remoteAddress: "192.0.2.7" });

beforeEach(async () => {
  opened = await openOAuthGateway({ limits: { passwordMemoryKib: 64 } });
  await opened.gateway.access.users.add("ann", { roles: [], groups: [], password });
  client = String((await register(opened))["client_id"]);
});
afterEach(() => opened.close());

const authorizeUrl = () =>
  `${base}/oauth/authorize?${new URLSearchParams({
    response_type: "code",
    client_id: client,
    redirect_uri: loopback,
    code_challenge: challenge,
    code_challenge_method: "S256",
    state: "st",
    resource: `${base}/mcp`,
  })}`;

/** Logs the person in; returns the client's access token, which the gateway takes. */
async function connect(): Promise<string> {
  const person = { send, name: "ann", password };
  const { searchParams } = new URL(await followAuthorization(authorizeUrl(), person));
  expect([searchParams.get("state"), searchParams.get("iss")]).toEqual(["st", base]);
  const { body } = await redeem(opened, client, searchParams.get("code") ?? "");
  const token = String(body["access_token"]);
  expect(await statusWith(token)).toBe(400);
  return token;
}

/** 400: the token is taken; 401: it is refused. */
async function statusWith(token: string): Promise<number> {
  return (await knock(opened, token)).status;
}

describe("a client whose person logs in", () => {
  test("learns that the person denied it", async () => {
    const person = { send, name: "ann", password, decision: "deny" } as const;
    const url = new URL(await followAuthorization(authorizeUrl(), person));
    expect(url.href.startsWith(`${loopback}?`)).toBe(true);
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      error: "access_denied",
      iss: base,
      state: "st",
    });
  });

  test("is listed with its grant, and is refused once either is revoked", async () => {
    const { grants, clients } = opened.gateway.access;
    const token = await connect();
    const [grant] = await grants.list();
    expect(grant).toMatchObject({ client, principal: "user:ann", surface: "/mcp" });
    expect(await clients.list())
      .toMatchObject([{ id: client, kind: "registration", name: "A client", grants: 1 }]);
    await grants.revoke(grant?.id ?? "");
    expect(await statusWith(token)).toBe(401);
    await expect(grants.revoke(grant?.id ?? "")).rejects.toThrow("Cannot find grant");
    const again = await connect();
    await clients.revoke(client);
    expect(await statusWith(again)).toBe(401);
    expect(await clients.list()).toEqual([]);
    await expect(clients.revoke(client)).rejects.toThrow("Cannot revoke client");
  });

  test("is refused once the user has another password, or is removed", async () => {
    const { users } = opened.gateway.access;
    const first = await connect();
    await users.setPassword("ann", "another long password");
    expect(await statusWith(first)).toBe(401);
    await users.setPassword("ann", password);
    const second = await connect();
    await users.remove("ann");
    expect(await statusWith(second)).toBe(401);
    await expect(connect()).rejects.toThrow("The name or the password is wrong.");
  });
});
