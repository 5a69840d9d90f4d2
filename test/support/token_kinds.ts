/**
 * Credentials of one configuration on a clock of the test, against real servers on this machine, and
 * a reader of proofs (RFC 9449) that shares no code with their maker.
 */
import { createHash } from "node:crypto";
import { calculateJwkThumbprint, type JWK, jwtVerify } from "jose";
import { importJWK } from "jose";
import type { CredentialsConfig } from "../../src/config/config.ts";
import { createAuthorization } from "../../src/credentials/credential_kinds.ts";
import type { RemoteServer } from "../../src/credentials/provider.ts";
import type { Limits } from "../../src/limits.ts";
import type { Authorization, SecurityContext } from "../../src/outgoing/authorization.ts";
import type { Clock } from "../../src/clock.ts";
import {
  createCredentialDeps,
  never,
  type TestCredentialDeps,
  type TestCredentialStore,
  useOf,
} from "./credentials.ts";
import { createTestRuntime } from "./fake_runtime.ts";

/** What a test may choose. */
export interface TestKindOptions {
  readonly credentials: CredentialsConfig;
  readonly clock: Clock;
  readonly remote?: RemoteServer;
  readonly store?: TestCredentialStore;
  readonly files?: Map<string, string | undefined>;
  readonly limits?: Partial<Limits>;
}

/** The credentials of the server "far". */
export interface TestKind {
  readonly deps: TestCredentialDeps;
  readonly authorization: Authorization;
  /** What is sent; throws if there is nothing. */
  context(): Promise<SecurityContext>;
  /** Why nothing is sent; throws if something is. */
  problem(): Promise<string>;
  /** The value of the header `Authorization`. */
  sent(): Promise<string | undefined>;
}

const runtime = await createTestRuntime();

/** Makes them; nothing is requested yet. */
export function openKind({ credentials, remote, limits, ...options }: TestKindOptions): TestKind {
  // A clock that stands still must not pause.
  const deps = createCredentialDeps({
    runtime,
    limits: { httpRetriesMax: 0, ...limits },
    ...options,
  });
  const authorization = createAuthorization(
    { server: "far", credentials, ...(remote === undefined ? {} : { remote }) },
    deps,
  );
  const context = async () => {
    const credential = await authorization.get(useOf(), never);
    if (credential.state !== "ready") throw new Error(JSON.stringify(credential));
    return credential.context;
  };
  return {
    deps,
    authorization,
    context,
    async problem() {
      const credential = await authorization.get(useOf(), never);
      if (credential.state !== "failed") throw new Error(`It is ${credential.state}`);
      return credential.problem;
    },
    sent: async () => (await context()).headers["authorization"],
  };
}

/** A proof as a server reads it. */
export interface ReadProof {
  readonly jti: string;
  readonly htm: unknown;
  readonly htu: unknown;
  readonly iat: number | undefined;
  readonly ath: unknown;
  readonly nonce: unknown;
  /** Names the key (RFC 7638). */
  readonly thumbprint: string;
}

/** Reads a proof by RFC 9449, section 4.3. Rejects if its form or its signature is wrong. */
export async function readProof(proof: unknown): Promise<ReadProof> {
  if (typeof proof !== "string") throw new Error(`Not one proof: ${JSON.stringify(proof)}`);
  let published: JWK = {};
  const { payload } = await jwtVerify(proof, (header) => {
    published = header.jwk ?? {};
    return importJWK(published, header.alg);
  }, { typ: "dpop+jwt", algorithms: ["ES256"], currentDate: new Date(0) });
  if (published.d !== undefined) throw new Error("The proof shows the private key");
  if (typeof payload.jti !== "string") throw new Error("The proof has no jti");
  return {
    jti: payload.jti,
    htm: payload["htm"],
    htu: payload["htu"],
    iat: payload.iat,
    ath: payload["ath"],
    nonce: payload["nonce"],
    thumbprint: await calculateJwkThumbprint(published, "sha256"),
  };
}

/** `ath` of a token. */
export function hashOfToken(token: string): string {
  return createHash("sha256").update(token, "ascii").digest("base64url");
}
