/**
 * The credential of one call. It is obtained before the request is built, within the time of the
 * call, and used for the first attempt.
 */
import type { Clock } from "../../clock.ts";
import { GatewayError } from "../../errors.ts";
import type { Authorization, Credential, CredentialUse } from "../../outgoing/authorization.ts";
import type { Failures } from "../../outgoing/failure.ts";

/** A credential within the time of a call. Rejects with the error for the client. */
export async function getCredential(
  authorization: Authorization,
  use: CredentialUse,
  { failures, clock, timeoutMs }: {
    readonly failures: Failures;
    readonly clock: Clock;
    readonly timeoutMs: number;
  },
  signal: AbortSignal,
): Promise<Extract<Credential, { state: "ready" }>> {
  const stop = new AbortController();
  const end = () => stop.abort();
  if (signal.aborted) end();
  signal.addEventListener("abort", end);
  const clear = clock.after(timeoutMs, end);
  try {
    const credential = await authorization.get(use, stop.signal);
    if (signal.aborted) throw new GatewayError("cancelled");
    if (stop.signal.aborted) {
      throw failures.create(
        "upstream_timeout",
        `was not called: its credentials were not available within ${timeoutMs} ms`,
        { data: { outcome: "not_sent" } },
      );
    }
    if (credential.state === "ready") return credential;
    if (credential.state === "needs_person") {
      const data = { outcome: "not_sent" };
      throw failures.create("login_required", credential.problem, { data });
    }
    const { problem, retryAfterMs } = credential;
    throw failures.create("credentials_missing", problem, {
      data: { ...(retryAfterMs === undefined ? {} : { retryAfterMs }), outcome: "not_sent" },
    });
  } finally {
    clear();
    signal.removeEventListener("abort", end);
  }
}

/** The same authorization, except that it first returns the credential of the built request. */
export function startingWith(credential: Credential, authorization: Authorization): Authorization {
  let first: Credential | undefined = credential;
  return {
    ...authorization,
    get(use, signal) {
      const given = first;
      first = undefined;
      return given === undefined ? authorization.get(use, signal) : Promise.resolve(given);
    },
  };
}
