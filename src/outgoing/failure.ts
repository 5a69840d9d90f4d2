/**
 * The error a client gets when a remote server fails: one shape for all kinds of failure (case P4),
 * with the URL, the method, the duration and the time. The URL loses whatever could grant access:
 * its query, and parts of its path that look like keys.
 */
import type { Clock } from "../clock.ts";
import type { ErrorCode } from "../error_table.ts";
import { GatewayError, type Outcome } from "../errors.ts";
import type { JsonObject } from "../model.ts";

/** Makes the errors of one call. */
export interface Failures {
  /** `why` goes on after the server's name: "cannot be reached". */
  create(
    code: ErrorCode,
    why: string,
    more?: { readonly data?: JsonObject; readonly cause?: unknown },
  ): GatewayError;
}

/** Starts the clock of one call. */
export function createFailures(
  { server, url, method, clock, hidesUrl = false }: {
    readonly server: string;
    readonly url: string;
    readonly method: string;
    readonly clock: Clock;
    /** Errors name neither URLs nor hosts: only the operator sees them. */
    readonly hidesUrl?: boolean | undefined;
  },
): Failures {
  const started = clock.monotonic();
  return {
    create(code, why, { data, cause } = {}) {
      const message = `Server "${server}" ${hidesUrl ? withoutPlaces(why, url) : why}`;
      return new GatewayError(code, message, {
        data: {
          error: message,
          ...(hidesUrl ? {} : { url: toPublicUrl(url) }),
          method,
          response_time: Math.round(clock.monotonic() - started),
          timestamp: new Date(clock.wall()).toISOString(),
          server,
          ...data,
        },
        cause,
      });
    },
  };
}

/** The same failure in the same words, with this outcome. */
export function marked(error: GatewayError, outcome: Outcome): GatewayError {
  const { code, message, data, upstream, cause } = error;
  return new GatewayError(code, message, { data: { ...data, outcome }, upstream, cause });
}

/** Words of ours and of the platform, which quote hosts and URLs. */
function withoutPlaces(why: string, url: string): string {
  const { hostname } = new URL(url);
  return why.replaceAll(`"${hostname.replace(/^\[|\]$/g, "")}"`, "its host")
    .replace(/"https?:[^"]*"/g, "another place");
}

/** Long parts with digits are keys more often than names. */
const likeKey = /^(?=\D*\d).{16,}$/;

/** A URL that may be shown. */
export function toPublicUrl(text: string): string {
  const { protocol, host, pathname, search } = new URL(text);
  const path = pathname.split("/").map((part) => likeKey.test(part) ? "…" : part).join("/");
  return `${protocol}//${host}${path}${search === "" ? "" : "?…"}`;
}
