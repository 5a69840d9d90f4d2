/**
 * The HTTP requests of one link over Streamable HTTP, with the session, the revision and the URL
 * that its first message has settled. Not here: what the answers mean.
 */
import type { HttpServerConfig } from "../../config/config.ts";
import type { GatewayError } from "../../errors.ts";
import type { HttpAnswer } from "../../outgoing/http_answer.ts";
import type { HttpCaller } from "../../outgoing/caller.ts";
import { traceHeaders } from "../../trace_context.ts";
import type { UpstreamDeps } from "../deps.ts";
import type { Dialect } from "../link/dialect.ts";
import type { LinkOwner } from "../link/link.ts";
import type { Outgoing } from "../link/peer_state.ts";
import { discard, toEventStream, wordsOf } from "./error_response.ts";
import { useOf } from "./remote_link.ts";
import type { OpenStream } from "./server_streams.ts";

/** What the first message and its answer have settled. */
export interface Settled {
  readonly session?: string | undefined;
  readonly revision?: string | undefined;
  /**
   * The URL that answered, after redirects. Later messages go there directly, because a message
   * that must not be sent twice follows no redirect.
   */
  readonly url?: string | undefined;
}

/** The limits of one POST. */
export interface PostBounds {
  readonly timeoutMs: number;
  readonly headMs?: number;
  readonly repeatable: boolean;
}

/** The HTTP requests of a link. */
export interface StreamableWire {
  settled(): Settled;
  /** Replaces what is settled; an empty object starts over. */
  settle(settled: Settled): void;
  post(
    line: string,
    outgoing: Outgoing | undefined,
    bounds: PostBounds,
    signal: AbortSignal,
  ): Promise<HttpAnswer>;
  /**
   * Opens a stream by GET; throws if the server has none. `repeatable`: a failure is retried at
   * once.
   */
  listen(repeatable: boolean): OpenStream;
  /** Whether a refused stream says that the session is gone. */
  isLost(error: GatewayError): boolean;
  /** Ends the session at the server. If this fails, the server ends it after its own timeout. */
  endSession(session: string): Promise<void>;
}

/** Makes the wire; nothing is sent yet. */
export function createWire(
  { config, caller, dialect, owner: use, deps }: {
    readonly config: HttpServerConfig;
    readonly caller: HttpCaller;
    readonly dialect: Dialect;
    readonly owner: LinkOwner;
    readonly deps: Pick<UpstreamDeps, "limits" | "log">;
  },
): StreamableWire {
  const { limits, log } = deps;
  const { http } = dialect;
  let settled: Settled = {};
  const url = (): string => settled.url ?? config.url;
  const headersOf = (message?: { wire: Outgoing["wire"]; tool: Outgoing["request"]["tool"] }) =>
    http.headers({ session: settled.session, revision: settled.revision }, message);

  return {
    settled: () => settled,
    settle: (next) => void (settled = next),
    post: (line, outgoing, bounds, signal) =>
      caller.call({
        url: url(),
        method: "POST",
        headers: {
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
          ...traceHeaders(outgoing?.wire.params),
          ...headersOf(outgoing && { wire: outgoing.wire, tool: outgoing.request.tool }),
        },
        body: line,
        ...bounds,
        use: useOf(use, outgoing),
      }, signal),
    listen: (repeatable) => async (eventId, signal) => {
      const answer = await caller.call({
        url: url(),
        method: "GET",
        headers: {
          accept: "text/event-stream",
          ...headersOf(),
          ...http.resumingAfter(eventId),
        },
        timeoutMs: 0,
        repeatable,
        use,
        // A stream that cannot be opened says nothing about calls.
        aside: true,
      }, signal);
      return await toEventStream(answer, config, limits);
    },
    isLost: (error) =>
      http.meaningOf({
        status: Number(error.data?.["status"]),
        words: wordsOf(error),
        isLoginRefused: false,
      }) === "renew",
    async endSession(session) {
      try {
        discard(
          await caller.call({
            url: url(),
            method: "DELETE",
            headers: http.headers({ session, revision: settled.revision }),
            timeoutMs: limits.stopMs,
            repeatable: false,
            use,
          }, new AbortController().signal),
        );
      } catch (thrown) {
        log.debug("Cannot end the session at the server", { error: String(thrown) });
      }
    },
  };
}
