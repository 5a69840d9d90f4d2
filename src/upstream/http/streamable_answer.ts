/**
 * The answer of one request over Streamable HTTP whose status is a success: a body or a stream of
 * the POST, or a message on the standalone stream where the server only accepts the POST. Follows
 * "Sending Messages to the Server". Not here: sending, and other statuses (streamable_request.ts).
 */
import type { RequestId } from "../../model.ts";
import type { HttpAnswer } from "../../outgoing/http_answer.ts";
import type { Outgoing } from "../link/peer_state.ts";
import { exitedError } from "../link/start_errors.ts";
import { type HttpFault, isMessage, mediaType, rpcIn } from "./error_response.ts";
import { failSent } from "./remote_link.ts";
import { readToAnswer } from "./server_streams.ts";
import type { StreamableLink } from "./streamable_link.ts";

/** Of a failure whose status is a success. */
const plainFault = { isAboutMessage: true, isLogin: false, isLoginRefused: false };

/** Reads an answer to the request's end; a failure that may be about the session is returned. */
export async function readAnswer(
  link: StreamableLink,
  answer: HttpAnswer,
  outgoing: Outgoing,
  signal: AbortSignal,
): Promise<HttpFault | undefined> {
  const { options, peer } = link;
  const { limits } = options.deps;
  const { id } = outgoing;
  const { status } = answer;
  const fail = (why: string): void =>
    failSent(link, outgoing, answer.toError(why, "bad_upstream_response"));
  const type = mediaType(answer);
  if (type === "text/event-stream") {
    await readStream(link, answer, outgoing, signal);
    return undefined;
  }
  const text = await answer.text();
  const isAnswer = isMessage(text) && (status !== 202 || text.includes('"jsonrpc"'));
  if (!isAnswer && status === 202) return void accept(link, id, fail);
  if (text === "") return void fail(`answers with status ${status} and no body`);
  if (!isAnswer && type !== "application/json") {
    return void fail(`answers with ${type || "no media type"}`);
  }
  // An error that does not name the request may be about the session: that is looked at first.
  const rpc = text.includes('"error"') ? rpcIn(text, limits) : undefined;
  // Made only when it is needed, because an error collects a stack.
  const toError = () => answer.toError("did not answer the request", "bad_upstream_response");
  if (rpc !== undefined && typeof rpc.id !== "number" && rpc.id !== String(id)) {
    const words = rpc.error.message;
    const outcome = options.dialect.codec.decodeError(rpc.error).outcome ?? "unknown";
    return { ...plainFault, status, error: toError(), rpc, words, outcome };
  }
  await peer.receive([text], id);
  return peer.isPending(id) ? void failSent(link, outgoing, toError()) : undefined;
}

/**
 * Reads the stream of a POST until the request is answered; it fails when that breaks off before.
 */
async function readStream(
  link: StreamableLink,
  answer: HttpAnswer,
  outgoing: Outgoing,
  signal: AbortSignal,
): Promise<void> {
  const { options, peer, wire } = link;
  const { limits, clock } = options.deps;
  const { id } = outgoing;
  const fault = await readToAnswer(answer, {
    limits,
    clock,
    open: options.dialect.http.resumesStreams ? wire.listen(true) : undefined,
    receive: (text) => peer.receive([text], id),
    isOver: () => !peer.isPending(id),
    signal,
  });
  if (!peer.isPending(id)) return;
  failSent(link, outgoing, fault ?? exitedError(options.config.name, "its stream broke off"));
}

/** The answer comes on the standalone stream, within the request's own time. */
function accept(link: StreamableLink, id: RequestId, fail: (why: string) => void): void {
  if (!link.peer.isPending(id)) return;
  link.accepted.set(id, fail);
  if (!link.options.dialect.http.hasStandaloneStream || !link.standalone.start()) {
    failAccepted(link);
  }
}

/** There is no standalone stream: requests that wait for their answer there fail. */
export function failAccepted({ accepted }: StreamableLink): void {
  for (const fail of accepted.values()) {
    fail("accepted the request (status 202), but has no event stream for the answer");
  }
  accepted.clear();
}
