/**
 * A second authorization server, of another project (`oidc-provider`), set up like the gateway's:
 * the same clients, and codes and tokens of the same kinds. What it answers to a token request is
 * what the gateway is compared with.
 */
import { createServer, type Server } from "node:http";
import { errors, Provider } from "oidc-provider";
import { challenge, loopback } from "./oauth_gateway.ts";

/** One server under comparison. */
export interface TokenServer {
  /** The URLs of its endpoints. */
  readonly token: string;
  readonly revocation: string;
  /** The URL of the resource that codes and tokens are for. */
  readonly resource: string;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** A code of a client. */
  code(client: string): Promise<string>;
  /** A refresh token of a client. */
  refreshToken(client: string): Promise<string>;
  close(): Promise<void>;
}

/** The clients of both servers; their secrets are the same, too. */
export const publicClient = "public";
export const otherClient = "other";
export const machineClient = "machine";
export const machineSecret = "a-secret-of-thirty-two-characters";

const resource = "https://mcp.example.com/mcp";
const scope = "mcp offline_access";

/** Starts it on loopback. */
export async function openOracle(): Promise<TokenServer> {
  const isPublic = (id: string) => ({
    client_id: id,
    redirect_uris: [loopback],
    token_endpoint_auth_method: "none" as const,
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code" as const],
    application_type: "native" as const,
  });
  const server = await listen();
  const { port } = server.address() as { port: number };
  const url = `http://127.0.0.1:${port}`;
  const provider = new Provider(url, {
    clients: [isPublic(publicClient), isPublic(otherClient), {
      client_id: machineClient,
      client_secret: machineSecret,
      redirect_uris: [],
      grant_types: ["client_credentials"],
      response_types: [],
      token_endpoint_auth_method: "client_secret_basic",
    }],
    scopes: ["mcp", "offline_access"],
    findAccount: (_context: unknown, id: string) => ({
      accountId: id,
      claims: () => ({ sub: id }),
    }),
    rotateRefreshToken: true,
    ttl: {
      ClientCredentials: 3_600,
      AccessToken: 3_600,
      AuthorizationCode: 60,
      Grant: 86_400,
      RefreshToken: 86_400,
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      revocation: { enabled: true, allowedPolicy: () => true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => resource,
        useGrantedResource: () => true,
        getResourceServerInfo(_context: unknown, indicator: string) {
          if (indicator !== resource) throw new errors.InvalidTarget();
          return { scope, audience: resource, accessTokenFormat: "opaque" };
        },
      },
    },
  });
  server.on("request", provider.callback());
  const make = async (clientId: string) => {
    const client = await provider.Client.find(clientId);
    if (client === undefined) throw new Error(`There is no client ${clientId}`);
    const grant = new provider.Grant({ accountId: "ada", clientId });
    grant.addOIDCScope(scope);
    grant.addResourceScope(resource, scope);
    return { client, grantId: await grant.save() };
  };
  return {
    token: `${url}/token`,
    revocation: `${url}/token/revocation`,
    resource,
    fetch,
    async code(clientId) {
      const { client, grantId } = await make(clientId);
      const code = new provider.AuthorizationCode({
        ...{ accountId: "ada", client, grantId, scope, resource, redirectUri: loopback },
        ...{ codeChallenge: challenge, codeChallengeMethod: "S256", gty: "authorization_code" },
      });
      return await code.save();
    },
    async refreshToken(clientId) {
      const { client, grantId } = await make(clientId);
      const token = new provider.RefreshToken({
        ...{ accountId: "ada", client, grantId, scope, resource, gty: "authorization_code" },
      });
      return await token.save();
    },
    async close() {
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function listen(): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}
