/**
 * One request over Streamable HTTP, to the end of its answer. A request that finds the session lost
 * is sent again only if that does no harm. Follows "Sending Messages to the Server". Not here:
 * answers whose status is a success (streamable_answer.ts), and the session itself
 * (session_recovery.ts).
 */
import { GatewayError, toGatewayError, withOutcome } from "../../errors.ts";
import type { RequestId } from "../../model.ts";
import type { Outgoing } from "../link/peer_state.ts";
import { type HttpFault, readFault, wantsLogin } from "./error_response.ts";
import { failSent, isHandshake, isRepeatable, noteLogin } from "./remote_link.ts";
import { readAnswer } from "./streamable_answer.ts";
import { endSoon, type StreamableLink } from "./streamable_link.ts";

/** Makes a request; never rejects. */
export async function sendRequest(
  link: StreamableLink,
  line: string,
  outgoing: Outgoing,
): Promise<void> {
  const over = new AbortController();
  link.open.set(outgoing.id, over);
  let isAgain = false;
  try {
    while (await attempt(link, line, outgoing, over.signal, isAgain)) isAgain = true;
  } catch (thrown) {
    const error = toGatewayError(thrown);
    noteLogin(link, outgoing, error);
    // What was sent once may have taken effect, whatever comes of the second time.
    failSent(link, outgoing, isAgain ? withOutcome(error, "unknown") : error);
  } finally {
    link.open.delete(outgoing.id);
  }
}

/** A request is over: stops reading for it. */
export function endRequest(
  { accepted, open }: StreamableLink,
  id: RequestId,
  isAnswered: boolean,
): void {
  accepted.delete(id);
  if (!isAnswered) open.get(id)?.abort();
}

/** Sends it and reads what comes; true when it may be sent once more. */
async function attempt(
  link: StreamableLink,
  line: string,
  outgoing: Outgoing,
  signal: AbortSignal,
  isAgain: boolean,
): Promise<boolean> {
  const { wire, recovery } = link;
  const { dialect, config, deps: { limits }, hooks } = link.options;
  const { timeoutMs } = outgoing.request;
  const isFirst = isHandshake(outgoing);
  for (let opening; !isFirst && (opening = recovery.opening()) !== undefined;) {
    await opening.catch(throwUnsent);
  }
  const { session } = wire.settled();
  const answer = await wire.post(line, outgoing, {
    timeoutMs: 0,
    // The request has its own clock, which stops while a client is asked; this is the last resort.
    headMs: timeoutMs === 0 ? limits.responseMs : limits.callMsMax + limits.askMs,
    repeatable: isRepeatable(outgoing),
  }, signal);
  const isSuccess = answer.status >= 200 && answer.status < 300;
  if (isSuccess && isFirst) {
    wire.settle({ session: dialect.http.sessionIn(answer.headers), url: answer.url });
  }
  const fault = isSuccess
    ? await readAnswer(link, answer, outgoing, signal)
    : await readFault(answer, config, limits);
  if (fault === undefined) {
    if (!isFirst) {
      recovery.wasOfUse();
      hooks.login?.(undefined);
    }
    return false;
  }
  if (!isFirst) return await afterFault(link, fault, outgoing, session, isAgain);
  const { rpc, isAboutMessage, error } = fault;
  const isRefused = rpc !== undefined && isAboutMessage;
  failSent(link, outgoing, isRefused ? dialect.codec.decodeError(rpc.error) : error);
  return false;
}

function throwUnsent(thrown: unknown): never {
  throw withOutcome(toGatewayError(thrown), "not_sent");
}

/** What follows from a failure; true when the request may be sent once more. */
async function afterFault(
  link: StreamableLink,
  fault: HttpFault,
  outgoing: Outgoing,
  session: string | undefined,
  isAgain: boolean,
): Promise<boolean> {
  const { dialect } = link.options;
  const { error, rpc, outcome } = fault;
  if (wantsLogin(error)) link.options.hooks.login?.(error);
  const meaning = dialect.http.meaningOf(fault);
  if (meaning === "repeat" && !isAgain) return true;
  // Whatever a 404 to a call says: where it does mean the session, all later calls would fail.
  const isLost = meaning === "renew" || (fault.status === 404 && !isRepeatable(outgoing));
  if (isLost && session !== undefined) {
    const said = meaning === "renew" ? undefined : rpc && dialect.codec.decodeError(rpc.error);
    const lost = said ?? lostError(link.options.config.name, fault);
    return await afterLoss(link, lost, outgoing, session, isAgain);
  }
  if (rpc !== undefined && (!fault.isLogin || rpc.id === outgoing.id)) {
    const told = dialect.codec.decodeError(rpc.error);
    failSent(link, outgoing, fault.status < 500 ? withOutcome(told, outcome) : told);
  } else failSent(link, outgoing, error);
  if (meaning === "other") endSoon(link, "it no longer speaks the dialect in which it started");
  return false;
}

/** The server no longer knows the session: another takes its place, once for all that show it. */
async function afterLoss(
  link: StreamableLink,
  error: GatewayError,
  outgoing: Outgoing,
  session: string,
  isAgain: boolean,
): Promise<boolean> {
  const { id, request } = outgoing;
  const isSafe = !isAgain && (isRepeatable(outgoing) || await request.isSafeTwice?.() === true);
  if (!isSafe) failSent(link, outgoing, withOutcome(error, "unknown"));
  const renewing = link.recovery.renew(session);
  if (!isSafe) renewing.catch(() => {});
  else await renewing;
  return isSafe && link.peer.isPending(id);
}

function lostError(server: string, { status }: HttpFault): GatewayError {
  const message = `Server "${server}" no longer knows the session (status ${status}); ` +
    "the gateway opens another one";
  return new GatewayError("upstream_unavailable", message, { data: { server, status } });
}
