/**
 * The credential of one call, which its request is built for: had before the request is sent, within
 * the time of the call, and then used for its first attempt.
 */
import type { Clock } from "../../clock.ts";
import { GatewayError } from "../../errors.ts";
import type { Authorization, Credential, CredentialUse } from "../../outgoing/authorization.ts";
import type { Failures } from "../../outgoing/failure.ts";

/** A credential within the time of a call. Rejects with the error that the client is told. */
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
        `was not called: its credentials could not be had within ${timeoutMs} ms`,
        { data: { outcome: "not_sent" } },
      );
    }
    if (credential.state === "ready") return credential;
    if (credential.state === "needs_person") {
      throw failures.create(
        "credentials_missing",
        `needs a user to log in at ${credential.url}`,
        { data: { logInAt: credential.url, outcome: "not_sent" } },
      );
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

/** The same authorization; the credential that the request was built for is its first answer. */
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
