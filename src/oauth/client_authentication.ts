/**
 * Client authentication at the token and revocation endpoints (RFC 6749, 2.3 and 3.2.1): exactly
 * one way in a request, and the one that the client registered. Not here: signed assertions
 * (client_assertion.ts).
 */
import { base64ToBytes } from "../bytes_text.ts";
import { sha256Hex } from "../seal.ts";
import { assertClientAssertion, assertionType, subjectOf } from "./client_assertion.ts";
import type { OAuthClient } from "./client_metadata.ts";
import type { OAuthClients } from "./clients.ts";
import type { OAuthDeps } from "./oauth_deps.ts";
import { OAuthError } from "./oauth_error.ts";
import type { OAuthParams, OAuthRequest } from "./oauth_request.ts";

/** What a request shows of its client. */
interface ShownClient {
  readonly id: string;
  readonly secret?: string | undefined;
  readonly assertion?: string | undefined;
}

/** The client of a request. Throws `invalid_client` or, if it shows two ways, `invalid_request`. */
export async function authenticateClient(
  deps: OAuthDeps,
  clients: OAuthClients,
  params: OAuthParams,
  request: OAuthRequest,
  authorization: string | null,
): Promise<OAuthClient> {
  const shown = readShown(params, authorization);
  const client = await clients.forToken(shown.id, request.address);
  if (client === undefined) throw new OAuthError("invalid_client", "The client is unknown");
  const { secret, assertion } = shown;
  const isRight = client.authentication === "none"
    ? secret === undefined && assertion === undefined
    : client.authentication === "secret"
    ? secret !== undefined && await sha256Hex(secret) === client.secretDigest
    : assertion !== undefined;
  if (!isRight) throw new OAuthError("invalid_client", "The client's authentication failed");
  if (assertion !== undefined) await assertClientAssertion(deps, client, assertion, request);
  return client;
}

function readShown(params: OAuthParams, authorization: string | null): ShownClient {
  const { client_id: id, client_secret: secret, client_assertion: assertion } = params;
  const basic = authorization === null ? undefined : readBasic(authorization);
  const ways = [basic, secret, assertion].filter((way) => way !== undefined).length;
  if (ways > 1 || (basic !== undefined && id !== undefined && id !== basic.id)) {
    throw new OAuthError("invalid_request", "The client authenticates in more than one way");
  }
  if (basic !== undefined) return basic;
  if (assertion !== undefined) {
    if (params["client_assertion_type"] !== assertionType) {
      throw new OAuthError(
        "invalid_request",
        `Expected the client_assertion_type ${assertionType}`,
      );
    }
    return { id: id ?? subjectOf(assertion), assertion };
  }
  if (id === undefined) throw new OAuthError("invalid_client", "client_id is missing");
  return { id, secret };
}

/** The Basic scheme, whose parts are form-encoded (RFC 6749, 2.3.1). */
function readBasic(header: string): ShownClient {
  const [, encoded] = /^Basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(header) ?? [];
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(base64ToBytes(encoded ?? ""));
    const colon = text.indexOf(":");
    if (colon < 1) throw new SyntaxError("Expected a colon");
    const [id, secret] = [text.slice(0, colon), text.slice(colon + 1)].map(decodeForm);
    return { id: id ?? "", secret: secret === "" ? undefined : secret };
  } catch (cause) {
    if (cause instanceof OAuthError) throw cause;
    throw new OAuthError("invalid_client", "Cannot read the Authorization header");
  }
}

function decodeForm(text: string): string {
  return decodeURIComponent(text.replaceAll("+", " "));
}
