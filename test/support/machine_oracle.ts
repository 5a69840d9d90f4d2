/**
 * An authorization server of another project (`oidc-provider`) for a client without a person: it
 * authenticates by its key, and tokens with proofs need a nonce of the server.
 */
import { Buffer } from "node:buffer";
import { createServer } from "node:http";
import type { JWK } from "jose";
import { Provider } from "oidc-provider";

/** A running server. */
export interface MachineOracle {
  readonly issuer: string;
  readonly clientId: string;
  /** The thumbprint of the key that a token is bound to. */
  boundTo(token: string): Promise<string | undefined>;
  /** How often it demanded a nonce. */
  nonceDemands(): number;
  close(): Promise<void>;
}

/** Starts it on loopback, with one client that has this key. */
export async function openMachineOracle(key: JWK): Promise<MachineOracle> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const issuer = `http://127.0.0.1:${port}`;
  const clientId = "machine";
  const provider = new Provider(issuer, {
    clients: [{
      client_id: clientId,
      redirect_uris: [],
      response_types: [],
      grant_types: ["client_credentials"],
      token_endpoint_auth_method: "private_key_jwt",
      token_endpoint_auth_signing_alg: "ES256",
      jwks: { keys: [key] },
    }],
    scopes: ["mcp"],
    clientAuthMethods: ["private_key_jwt"],
    ttl: { ClientCredentials: 3_600 },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      dPoP: { enabled: true, nonceSecret: Buffer.alloc(32, 1), requireNonce: () => true },
    },
  });
  let demands = 0;
  const answer = provider.callback();
  server.on("request", (request, response) => {
    response.on("finish", () => {
      if (response.statusCode === 400 && response.hasHeader("dpop-nonce")) demands += 1;
    });
    answer(request, response);
  });
  return {
    issuer,
    clientId,
    boundTo: async (token) => (await provider.ClientCredentials.find(token))?.jkt,
    nonceDemands: () => demands,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
