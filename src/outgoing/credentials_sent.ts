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
  const { problem, more } = credential.state === "failed"
    ? { problem: credential.problem, more: toWait(credential.retryAfterMs) }
    : {
      problem: `needs a user to log in at ${credential.url}`,
      more: { logInAt: credential.url },
    };
  throw failures.create("credentials_missing", problem, {
    data: { ...more, outcome: "not_sent" },
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
  return response.status === 401 && !isDegraded && hop.trusted && !isNonceChallenge(response) &&
    await authorization.renew(context, use, signal);
}

function toWait(retryAfterMs: number | undefined): JsonObject {
  return retryAfterMs === undefined ? {} : { retryAfterMs };
}

/** The platform's fault for an aborted request, here for one that was never sent. */
function givenUp(): RequestFault {
  return Object.assign(new Error("given up"), { kind: "aborted" as const, sent: false });
}
