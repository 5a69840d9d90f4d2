/**
 * Links to a remote server: the first message in each dialect in turn, and, for a server that knows
 * no such message at its URL, the oldest transport. A fault over one says nothing about the next. A
 * refused login or a silence says nothing about how a server speaks, and ends the try. Follows
 * "Backward Compatibility" of the Streamable HTTP transport.
 */
import type { HttpServerConfig } from "../../config/config.ts";
import { GatewayError, toGatewayError } from "../../errors.ts";
import type { UpstreamDeps } from "../deps.ts";
import { toStartReason } from "../link/start_errors.ts";
import type { Connected, Connector, StartFault } from "../link/link.ts";
import type { Dialect } from "../link/dialect.ts";
import { createQuote, valuesOfRemote } from "../link/server_text.ts";
import { createAuthorization } from "../../credentials/credential_kinds.ts";
import type { Authorization } from "../../outgoing/authorization.ts";
import { createHttpCaller } from "../../outgoing/caller.ts";
import { toPublicUrl } from "../../outgoing/failure.ts";
import { instanceHeader } from "../../version.ts";
import { isAway, isBroken, isNoSuchThing, isServerFault, wantsLogin } from "./error_response.ts";
import { createSseConnection } from "./sse_connection.ts";
import type { OpeningLink, RemoteLinkOptions } from "./remote_link.ts";
import { createStreamable } from "./streamable.ts";

/** Makes the connector of one remote server; nothing is opened yet. */
export function createHttpConnector(config: HttpServerConfig, deps: UpstreamDeps): Connector {
  const { url, headers, transport, name: server } = config;
  const { runtime, limits, clock, log } = deps;
  const quote = createQuote(valuesOfRemote(config), limits);
  const authorization = authorizationOf(config, deps);
  // One for all links: what it learns of the server is true for all of them.
  const caller = createHttpCaller({
    runtime,
    limits,
    clock,
    log,
    server,
    url,
    hidesUrl: true,
    headers: { ...headers, [instanceHeader]: deps.instance },
    authorization,
  });
  const toFault = (error: GatewayError, refused: readonly Dialect[]): StartFault => ({
    reason: toStartReason(error, quote),
    permanent: false,
    isAway: isAway(error),
    wantsLogin: wantsLogin(error),
    loginRequired: error.code === "login_required" ? error : undefined,
    refused,
    details: {
      url: toPublicUrl(url),
      ...(error.cause instanceof Error ? { error: error.cause.message } : {}),
    },
  });
  return {
    ownsQuestions: true,
    async loginRequired(owner, signal) {
      if (config.oauth === undefined) return undefined;
      const credential = await authorization.get(owner, signal);
      if (credential.state !== "needs_person") return undefined;
      return new GatewayError("login_required", `Server "${server}" ${credential.problem}`, {
        data: { server, outcome: "not_sent" },
      });
    },
    async open({ dialects, hooks, ...told }, signal) {
      const refused: Dialect[] = [];
      let firstError: GatewayError | undefined;
      nextDialect:
      for (const dialect of dialects) {
        for (const create of waysOf(transport, dialect)) {
          const options = { config, deps, caller, dialect, hooks, ...told };
          const outcome = await tryWay(create, options, signal);
          if ("connected" in outcome) return { ...outcome, refused };
          const { error } = outcome;
          firstError ??= error;
          const hasNoSuch = isNoSuchThing(error);
          // Some servers fail over a question that they do not know, which is no verdict on either.
          const isFailure = isServerFault(error) || (dialect.mayGoUnanswered && isBroken(error));
          if (isFailure && dialect !== dialects.at(-1)) {
            continue nextDialect;
          }
          if (signal.aborted || !(hasNoSuch || dialect.isRefusal(error))) {
            hooks.gone();
            return { fault: toFault(error, refused) };
          }
          // A server that answers in JSON-RPC is at the right URL.
          if (!hasNoSuch) break;
        }
        refused.push(dialect);
      }
      hooks.gone();
      if (firstError !== undefined) return { fault: toFault(firstError, refused) };
      return { fault: { reason: "no dialect of speaking is allowed", permanent: false, refused } };
    },
  };
}

/** How requests to a server are authorized: by grants of principals, or as its credentials say. */
function authorizationOf(
  { name, url, oauth, credentials }: HttpServerConfig,
  deps: UpstreamDeps,
): Authorization {
  return oauth === undefined
    ? createAuthorization({ server: name, credentials }, deps)
    : deps.grants.authorizationOf({ name, url, oauth });
}

type Create = (options: RemoteLinkOptions) => OpeningLink;

/** The transports to try in a dialect. */
function waysOf(transport: HttpServerConfig["transport"], dialect: Dialect): readonly Create[] {
  const isTried = dialect.http.hasOlderTransport && transport !== "streamable";
  const line = isTried ? [createSseConnection] : [];
  return transport === "sse" ? line : [createStreamable, ...line];
}

async function tryWay(
  create: Create,
  { hooks, ...options }: RemoteLinkOptions,
  signal: AbortSignal,
): Promise<{ readonly connected: Connected } | { readonly error: GatewayError }> {
  let isGone = false;
  const stop = async (): Promise<void> => {
    await way.stop();
    if (!isGone) hooks.gone();
    isGone = true;
  };
  const way = create({
    ...options,
    hooks: {
      ...hooks,
      broken(reason) {
        hooks.broken(reason);
        void stop();
      },
    },
  });
  const giveUp = () => void way.stop();
  signal.addEventListener("abort", giveUp);
  try {
    if (signal.aborted) giveUp();
    const { description, revision } = await way.handshake();
    const { dialect } = options;
    const link = { ...way.peer, mirrorsArguments: dialect.http.mirrorsArguments };
    way.ready();
    return { connected: { link, dialect, description, revision, stop } };
  } catch (thrown) {
    await way.stop();
    return { error: toGatewayError(thrown) };
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}
