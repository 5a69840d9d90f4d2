/**
 * The credentials of one request: obtained before each attempt, and replaced once if the server
 * refuses them. Not here: where they come from (authorization.ts).
 */
import type { JsonObject } from "../model.ts";
import type { OutgoingResponse, RequestFault } from "../runtime/runtime.ts";
import {
  type Authorization,
  type CredentialUse,
  type SecurityContext,
  sharedUse,
} from "./authorization.ts";
import type { Failures } from "./failure.ts";
import type { HttpRequest } from "./http_request.ts";
import type { Hop } from "./redirect.ts";
import { isNonceChallenge } from "./request_proof.ts";
import { toHop } from "./sender.ts";

/** A request with its credentials. */
export interface PreparedRequest {
  readonly hop: Hop;
  readonly context: SecurityContext;
  readonly isDegraded: boolean;
  readonly use: CredentialUse;
  readonly authorization: Authorization;
  readonly aside: boolean;
}

/** Gets the credentials of a request. Throws `credentials_missing` if there are none. */
export async function prepareRequest(
  server: { readonly url: string; readonly authorization: Authorization },
  request: HttpRequest,
  failures: Failures,
  signal: AbortSignal,
): Promise<PreparedRequest> {
  const { use = sharedUse, authorization = server.authorization, aside = false } = request;
  const credential = await authorization.get(use, signal);
  if (signal.aborted) throw givenUp();
  if (credential.state === "ready") {
    const { context, isDegraded } = credential;
    const hop = toHop({ ...request, ...request.prepare?.(context) }, server.url, context);
    return { hop, context, isDegraded, use, authorization, aside };
  }
  if (credential.state === "needs_person") {
    throw failures.create("login_required", credential.problem, { data: { outcome: "not_sent" } });
  }
  throw failures.create("credentials_missing", credential.problem, {
    data: { ...toWait(credential.retryAfterMs), outcome: "not_sent" },
  });
}

/**
 * Replaces the credential that `response` refuses, and says whether it did. A refused request took
 * no effect. A refused nonce says nothing about the credential.
 */
export async function renew(
  { authorization, context, use, isDegraded, hop }: PreparedRequest,
  response: OutgoingResponse,
  signal: AbortSignal,
): Promise<boolean> {
  const { status, headers } = response;
  const challenge = headers.get("www-authenticate") ?? undefined;
  const isRefused = status === 401 || (status === 403 && challenge !== undefined);
  if (!isRefused || isDegraded || !hop.trusted) return false;
  if (context.proof !== undefined && isNonceChallenge(response)) return false;
  const nonce = headers.get("dpop-nonce") ?? undefined;
  return await authorization.renew(context, use, signal, { status, challenge, nonce });
}

function toWait(retryAfterMs: number | undefined): JsonObject {
  return retryAfterMs === undefined ? {} : { retryAfterMs };
}

/** The platform's fault for an aborted request, here for one that was never sent. */
function givenUp(): RequestFault {
  return Object.assign(new Error("given up"), { kind: "aborted" as const, sent: false });
}
