/**
 * The one stream of what happens in a gateway: changes of state, calls that ended, refusals and
 * drops, each as a typed event. The log is its first reader (log_reader.ts), the counts are the
 * second (counts.ts); metrics, traces and an operator's page read the same stream. Events carry
 * names, codes and durations, never arguments or results. A `reason` and `details` may repeat what a
 * server said: a reader that shows them hides secrets, as the log does.
 */
import type { LogFields } from "../log.ts";

/** The state of a server changed. */
export interface ServerStateEvent {
  readonly type: "server_state";
  readonly server: string;
  readonly state: string;
  /** Why it does not work, in one line for the operator. */
  readonly problem?: string | undefined;
}

/**
 * A server failed to start, and what follows: `retry` soon, `crash_loop` slowly, `failed` never.
 */
export interface StartFailedEvent {
  readonly type: "start_failed";
  readonly server: string;
  readonly reason: string;
  readonly next: "retry" | "crash_loop" | "failed";
  /** Starts that failed in a row. */
  readonly failures: number;
  /** When the next start is allowed; absent: never. */
  readonly retryAfterMs?: number | undefined;
  /** Whether `next` differs from that of the previous failure. */
  readonly isChange: boolean;
  /** Whether a server in a crash loop failed for the same reason as before. */
  readonly isRepeated: boolean;
  /** What the program printed, or what the system said. */
  readonly details?: LogFields | undefined;
}

/** A connection to a server begins to start, or the operator's command restarts the server. */
export interface StartingEvent {
  readonly type: "server_starting" | "server_restarted";
  readonly server: string;
}

/** A server started well after its starts had failed in a row. */
export interface RecoveredEvent {
  readonly type: "server_recovered";
  readonly server: string;
}

/**
 * A connection to a server opened, or closed; `died` says why when the gateway did not close it.
 */
export interface ConnectionEvent {
  readonly type: "connection_opened" | "connection_closed";
  readonly server: string;
  readonly died?: string | undefined;
}

/** A client opened a session or sent its first stateless request, or a session ended. */
export interface ClientEvent {
  readonly type: "client_connected" | "session_ended";
  readonly surface: string;
  /** Name and version, in one line. */
  readonly client?: string | undefined;
  readonly revision?: string | undefined;
  /** Why the session ended. */
  readonly why?: string | undefined;
}

/** A call ended. */
export interface CallEvent {
  readonly type: "call_ended";
  readonly surface: string;
  readonly method: string;
  /** The name or URI of what was called, as the client wrote it. */
  readonly item?: string | undefined;
  /** The server of the call, if it was resolved. */
  readonly server?: string | undefined;
  readonly principal: string;
  readonly ms: number;
  /** `ok`, `paused` (it ended as `InputRequired`), `tool_error`, or the code of the failure. */
  readonly outcome: string;
  /** Absent of a call that succeeded, that waits for its client, or that its client gave up. */
  readonly failure?: CallFailure | undefined;
}

/** A request was refused before the gateway took it as a call. */
export interface CallRefusedEvent {
  readonly type: "call_refused";
  readonly surface: string;
  readonly method: string;
  readonly failure: CallFailure;
}

/** A call that failed, for the operator. */
export interface CallFailure {
  /** The server that the call was for, or that caused the failure. */
  readonly server?: string | undefined;
  /** What was called, by the server's own name where the server is known; in one line. */
  readonly item?: string | undefined;
  /** Name and version of the client, in one line. */
  readonly client: string;
  /** The code of the error table, or `tool_error`. */
  readonly code: string;
  /** Why, as the gateway or the server says it. */
  readonly reason: string;
}

/** A request that was answered with an error status of HTTP. */
export interface RefusalEvent {
  readonly type: "request_refused";
  readonly status: number;
  /** The code of the error table; absent: the failure has an error of one era only. */
  readonly code?: string | undefined;
  /** The client's address, for refusals that it can cause on purpose, as far as it is known. */
  readonly address?: string | undefined;
}

/** A message was dropped: it matched nothing, or a bound was reached. */
export interface DropEvent {
  readonly type: "dropped";
  /** What was dropped, as a row of `drops`. */
  readonly what: Drop;
  /** The server that it came from or was meant for. */
  readonly server?: string | undefined;
}

/** A principal exceeded one of its limits, and its request was refused. */
export interface RateEvent {
  readonly type: "rate_limited";
  readonly principal: string;
  /** Which limit, as a row of `limitedRates`. */
  readonly rate: Rate;
  /** After this time a retry can succeed; absent: that is not known. */
  readonly retryAfterMs?: number | undefined;
  /** Whether the same was reported of this principal a short time ago. */
  readonly isRepeated: boolean;
}

/** The limits of a principal, in words. */
export const limitedRates = {
  calls_per_minute: "requests a minute",
  calls_at_once: "calls at once",
  sessions: "sessions",
  streams: "open streams",
  bodies: "large request bodies at once",
} as const;

/** One row of `limitedRates`. */
export type Rate = keyof typeof limitedRates;

/** What can be dropped, and why. */
export const drops = {
  server_output: "a line of a server that is no message or answers nothing",
  server_notice: "a notification that the server's revision does not have",
  server_answer: "a message toward a server whose queue is full",
  late_message: "an answer or a notification for a call that was given up",
  call_notice: "a notification of a call whose client takes no stream, or reads too slowly",
  client_notice: "a notification for a session in which too many wait for a stream",
  replay_frame:
    "a frame of a stream that a client could have resumed, to keep a bound on their size",
} as const;

/** One row of `drops`. */
export type Drop = keyof typeof drops;

/** A client took a step toward an access token, or was refused one. */
export interface OAuthEvent {
  readonly type: "oauth_step";
  readonly step: OAuthStep;
  /** The id of the client, as it says; absent: it named none. */
  readonly client?: string | undefined;
  readonly principal?: string | undefined;
  /** The surface of the token; absent: any. */
  readonly surface?: string | undefined;
  /** Why a step was refused. */
  readonly reason?: string | undefined;
}

/** The steps, and what the log says about each. */
export const oauthSteps = {
  registered: "OAuth client registered",
  registration_refused: "OAuth client not registered",
  authorization_waits: "OAuth authorization waits for a person",
  authorization_refused: "OAuth authorization request refused",
  code_issued: "OAuth code issued; the client has to redeem it at /oauth/token",
  denied: "OAuth authorization denied by the person",
  code_redeemed: "OAuth code redeemed; access and refresh token issued",
  code_replayed: "OAuth code used twice; its grant is revoked",
  refreshed: "OAuth token refreshed",
  refresh_repeated: "OAuth refresh token used again; the same successor returned",
  refresh_replayed: "OAuth refresh token of an older generation used; its grant is revoked",
  machine_token: "OAuth access token issued to a machine",
  assertion_token: "OAuth access token issued for an identity assertion",
  token_refused: "OAuth token request refused",
  revoked: "OAuth grant revoked",
} as const;

/** One step. */
export type OAuthStep = keyof typeof oauthSteps;

/** A log-in at a protected server took a step, or its grant did. */
export interface GrantEvent {
  readonly type: "grant_step";
  readonly step: GrantStep;
  readonly server: string;
  /** The id of the principal; that of `sharedPrincipal` if the grant serves all. */
  readonly principal?: string | undefined;
  readonly issuer?: string | undefined;
  readonly scopes?: readonly string[] | undefined;
  /** Why a step failed, without a secret. */
  readonly reason?: string | undefined;
}

/** The steps, and what the log says about each. */
export const grantSteps = {
  registered: "Registered as a client at the authorization server",
  login_begun: "Log-in begun; the browser is at the authorization server",
  login_failed: "Log-in failed",
  granted: "Logged in; the grant is stored",
  refreshed: "Grant refreshed",
  refresh_failed: "Cannot refresh the grant",
  ended: "The grant ended; a new log-in is needed",
  revoked: "Grant revoked and deleted",
  revocation_failed: "Grant deleted, but not revoked at the authorization server",
} as const;

/** One step. */
export type GrantStep = keyof typeof grantSteps;

/** Everything that the stream carries. */
export type GatewayEvent =
  | ServerStateEvent
  | StartFailedEvent
  | StartingEvent
  | RecoveredEvent
  | ConnectionEvent
  | ClientEvent
  | CallEvent
  | CallRefusedEvent
  | RefusalEvent
  | OAuthEvent
  | GrantEvent
  | RateEvent
  | DropEvent;

/** Puts an event on the stream; never throws. */
export type Emit = (event: GatewayEvent) => void;

/** The stream. */
export interface Events {
  readonly emit: Emit;
  /** Calls `reader` for each event from now on, in order, until the returned function is called. */
  read(reader: (event: GatewayEvent) => void): () => void;
}

/** Makes a stream. A reader that throws affects neither the other readers nor the emitter. */
export function createEvents(failed: (thrown: unknown) => void): Events {
  const readers = new Set<(event: GatewayEvent) => void>();
  return {
    emit(event) {
      for (const reader of readers) {
        try {
          reader(event);
        } catch (thrown) {
          failed(thrown);
        }
      }
    },
    read(reader) {
      readers.add(reader);
      return () => void readers.delete(reader);
    },
  };
}
