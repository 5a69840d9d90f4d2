/**
 * One request over Streamable HTTP, to the end of its answer: a body or a stream of the POST, or a
 * message on the standalone stream where the server only accepts the POST. A request that finds the
 * session lost is sent again only if that does no harm. Follows "Sending Messages to the Server". Not
 * here: the session itself (streamable.ts).
 */
import type { HttpServerConfig } from "../../config/config.ts";
import { GatewayError, toGatewayError, withOutcome } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { RequestId } from "../../model.ts";
import type { HttpAnswer } from "../../outgoing/http_answer.ts";
import { repeatableMethods } from "../../outgoing/retry.ts";
import { exitedError } from "../link/start_errors.ts";
import type { Dialect } from "../link/dialect.ts";
import type { Peer } from "../link/peer.ts";
import type { Outgoing } from "../link/peer_state.ts";
import type { SessionRecovery } from "./session_recovery.ts";
import type { StreamableWire } from "./streamable_wire.ts";
import { type HttpFault, isMessage, mediaType, readFault, rpcIn } from "./error_response.ts";

/** The link that requests are made on. */
export interface RequestLink {
  readonly config: HttpServerConfig;
  readonly limits: Limits;
  readonly dialect: Dialect;
  readonly peer: () => Peer;
  readonly recovery: () => SessionRecovery;
  readonly wire: StreamableWire;
  /** Reads a stream until the request is answered; a failure when it breaks off before. */
  readonly readStream: (
    answer: HttpAnswer,
    id: RequestId,
    signal: AbortSignal,
  ) => Promise<GatewayError | undefined>;
  /** Opens the standalone stream unless it is open; false when the server refuses one. */
  readonly listens: () => boolean;
  /** The link cannot go on; the calls that found out fail first. */
  readonly endSoon: (died: string) => void;
}

/** The requests of one link. */
export interface StreamableRequests {
  /** Makes one; never rejects. */
  send(line: string, outgoing: Outgoing): void;
  /** One is over: stops reading for it. */
  over(id: RequestId, isAnswered: boolean): void;
  /** There is no standalone stream: requests that wait for their answer there fail. */
  noStream(): void;
  /** Leaves all. */
  abort(): void;
}

/** Makes the requests of a link. */
export function createRequests(link: RequestLink): StreamableRequests {
  const { config, limits, dialect } = link;
  const open = new Map<RequestId, AbortController>();
  /** Accepted, to be answered on the standalone stream. */
  const accepted = new Map<RequestId, (why: string) => void>();
  const isPending = (id: RequestId): boolean => link.peer().isPending(id);

  /** Fails a request that the server may have worked on. */
  const failSent = (outgoing: Outgoing, error: GatewayError): void =>
    link.peer().fail(
      outgoing.id,
      isHandshake(outgoing) ? error : withOutcome(error, error.outcome ?? "unknown"),
    );

  const send = async (line: string, outgoing: Outgoing): Promise<void> => {
    const { id } = outgoing;
    const over = new AbortController();
    open.set(id, over);
    let isAgain = false;
    try {
      while (await attempt(line, outgoing, over.signal, isAgain)) isAgain = true;
    } catch (thrown) {
      const error = toGatewayError(thrown);
      // What was sent once may have taken effect, whatever comes of the second time.
      failSent(outgoing, isAgain ? withOutcome(error, "unknown") : error);
    } finally {
      open.delete(id);
    }
  };

  /** Sends it and reads what comes; true when it may be sent once more. */
  const attempt = async (
    line: string,
    outgoing: Outgoing,
    signal: AbortSignal,
    isAgain: boolean,
  ): Promise<boolean> => {
    const { request } = outgoing;
    const isFirst = isHandshake(outgoing);
    if (!isFirst) {
      await link.recovery().ready().catch((thrown) => {
        throw withOutcome(toGatewayError(thrown), "not_sent");
      });
    }
    const { session } = link.wire.settled();
    const answer = await link.wire.post(line, outgoing, {
      timeoutMs: 0,
      // The request has its own clock, which stops while a client is asked; this is the last resort.
      headMs: request.timeoutMs === 0 ? limits.responseMs : limits.callMsMax + limits.askMs,
      repeatable: isRepeatable(outgoing),
    }, signal);
    const isSuccess = answer.status >= 200 && answer.status < 300;
    if (isSuccess && isFirst) {
      link.wire.settle({ session: dialect.http.sessionIn(answer.headers), url: answer.url });
    }
    const fault = isSuccess
      ? await readAnswer(answer, outgoing, signal)
      : await readFault(answer, config, limits);
    if (fault === undefined) {
      if (!isFirst) link.recovery().wasOfUse();
      return false;
    }
    if (isFirst) {
      const { rpc, isAboutMessage, error } = fault;
      const isRefused = rpc !== undefined && isAboutMessage;
      failSent(outgoing, isRefused ? dialect.codec.decodeError(rpc.error) : error);
      return false;
    }
    return await refused(fault, outgoing, session, isAgain);
  };

  /** What follows from a failure; true when the request may be sent once more. */
  const refused = async (
    fault: HttpFault,
    outgoing: Outgoing,
    session: string | undefined,
    isAgain: boolean,
  ): Promise<boolean> => {
    const { error, rpc, outcome } = fault;
    const meaning = dialect.http.meaningOf(fault);
    if (meaning === "repeat" && !isAgain) return true;
    // Whatever a 404 to a call says: where it does mean the session, all later calls would fail.
    const isLost = meaning === "renew" || (fault.status === 404 && !isRepeatable(outgoing));
    if (isLost && session !== undefined) {
      const said = meaning === "renew" ? undefined : rpc && dialect.codec.decodeError(rpc.error);
      return await lose(said ?? lostError(fault), outgoing, session, isAgain);
    }
    if (rpc !== undefined && (!fault.isLogin || rpc.id === outgoing.id)) {
      const told = dialect.codec.decodeError(rpc.error);
      failSent(outgoing, fault.status < 500 ? withOutcome(told, outcome) : told);
    } else failSent(outgoing, error);
    if (meaning === "other") link.endSoon("it no longer speaks the dialect in which it started");
    return false;
  };

  const lostError = ({ status }: HttpFault): GatewayError => {
    const message = `Server "${config.name}" no longer knows the session (status ${status}); ` +
      "the gateway opens another one";
    return new GatewayError("upstream_unavailable", message, {
      data: { server: config.name, status },
    });
  };

  /** The server no longer knows the session: another takes its place, once for all that show it. */
  const lose = async (
    error: GatewayError,
    outgoing: Outgoing,
    session: string,
    isAgain: boolean,
  ): Promise<boolean> => {
    const { id, request } = outgoing;
    const isSafe = !isAgain && (isRepeatable(outgoing) || await request.isSafeTwice?.() === true);
    if (!isSafe) failSent(outgoing, withOutcome(error, "unknown"));
    const renewing = link.recovery().renew(session);
    if (!isSafe) renewing.catch(() => {});
    else await renewing;
    return isSafe && isPending(id);
  };

  /** Reads an answer whose status is a success; what it is otherwise. */
  const readAnswer = async (
    answer: HttpAnswer,
    outgoing: Outgoing,
    signal: AbortSignal,
  ): Promise<HttpFault | undefined> => {
    const { id } = outgoing;
    const { status } = answer;
    const fail = (why: string): void =>
      failSent(outgoing, answer.toError(why, "bad_upstream_response"));
    const type = mediaType(answer);
    if (type === "text/event-stream") {
      const fault = await link.readStream(answer, id, signal);
      if (isPending(id)) {
        failSent(outgoing, fault ?? exitedError(config.name, "its stream broke off"));
      }
      return undefined;
    }
    const text = await answer.text();
    const isAnswer = isMessage(text) && (status !== 202 || text.includes('"jsonrpc"'));
    if (!isAnswer && status === 202) return void accept(outgoing, fail);
    if (text === "") return void fail(`answers with status ${status} and no body`);
    if (!isAnswer && type !== "application/json") {
      return void fail(`answers with ${type || "no media type"}`);
    }
    // An error that does not name the request may be about the session: that is looked at first.
    const rpc = text.includes('"error"') ? rpcIn(text, limits) : undefined;
    const error = answer.toError("did not answer the request", "bad_upstream_response");
    if (rpc !== undefined && typeof rpc.id !== "number" && rpc.id !== String(id)) {
      const words = rpc.error.message;
      const outcome = dialect.codec.decodeError(rpc.error).outcome ?? "unknown";
      return { ...plainFault, status, error, rpc, words, outcome };
    }
    await link.peer().receive([text], id);
    return isPending(id) ? void failSent(outgoing, error) : undefined;
  };

  /** The answer comes on the standalone stream, within the request's own time. */
  const accept = (outgoing: Outgoing, fail: (why: string) => void): void => {
    const { id } = outgoing;
    if (!isPending(id)) return;
    accepted.set(id, fail);
    if (dialect.stateless || !link.listens()) noStream();
  };
  const noStream = (): void => {
    for (const fail of accepted.values()) {
      fail("accepted the request (status 202), but has no event stream for the answer");
    }
    accepted.clear();
  };

  return {
    send: (line, outgoing) => void send(line, outgoing),
    over(id, isAnswered) {
      accepted.delete(id);
      if (!isAnswered) open.get(id)?.abort();
    },
    noStream,
    abort() {
      for (const over of open.values()) over.abort();
    },
  };
}

/** Of a failure whose status is a success. */
const plainFault = { isAboutMessage: true, isLogin: false, isLoginRefused: false };

/** Only the first message cannot be cancelled: see start_request.ts. */
function isHandshake({ request }: Outgoing): boolean {
  return !request.cancellable;
}

function isRepeatable(outgoing: Outgoing): boolean {
  return isHandshake(outgoing) || repeatableMethods.has(outgoing.wire.method);
}
