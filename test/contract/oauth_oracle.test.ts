/**
 * The token and revocation endpoints refuse a request with the same status and the same error code
 * as another project's server (`oidc-provider`), so that clients which were tested against one
 * understand the other. Where the two differ, the row says what the gateway answers, and by which
 * clause.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  approve,
  askAuthorization,
  base,
  loopback,
  openOAuthGateway,
  redeem,
} from "../support/oauth_gateway.ts";
import {
  machineClient,
  machineSecret,
  openOracle,
  otherClient,
  publicClient,
  type TokenServer,
} from "../support/oauth_oracle.ts";
import { post, tokenRequests } from "../support/token_requests.ts";

const testMs = 60_000;

async function openGatewayServer(): Promise<TokenServer> {
  const isPublic = (id: string) => ({ id, redirectUris: [loopback] });
  const machine = { id: machineClient, secret: machineSecret, grants: ["client_credentials"] };
  const opened = await openOAuthGateway({
    settings: { clients: [isPublic(publicClient), isPublic(otherClient), machine] },
  });
  const code = async (client: string) => {
    const redirect = await approve(opened, await askAuthorization(opened, client));
    return redirect.searchParams.get("code") ?? "";
  };
  return {
    token: `${base}/oauth/token`,
    revocation: `${base}/oauth/revoke`,
    resource: `${base}/mcp`,
    fetch: opened.fetch,
    code,
    refreshToken: async (client) =>
      String((await redeem(opened, client, await code(client))).body["refresh_token"]),
    close: () => opened.close(),
  };
}

describe("a request to the token endpoint", () => {
  let servers: readonly TokenServer[] = [];
  beforeAll(async () => {
    servers = [await openOracle(), await openGatewayServer()];
  }, testMs);
  afterAll(async () => {
    for (const server of servers) await server.close();
  }, testMs);

  for (const row of tokenRequests) {
    const title = row.own === undefined ? "the same answer from both" : `what ${row.why} asks for`;
    test(`with ${row.name} gets ${title}`, async () => {
      const [oracle, gateway] = await Promise.all(servers.map(async (server) => {
        const { status, body } = await post(server, row);
        return { status, error: body["error"] };
      }));
      expect(gateway).toEqual(row.own ?? oracle);
      // A difference that is gone leaves the list.
      if (row.own !== undefined) expect(oracle).not.toEqual(row.own);
    }, testMs);
  }
});
