/**
 * Links to a remote server: the first message in each manner in turn, and, for a server that knows
 * no such message at its URL, the oldest transport. A refused login, a fault or a silence says
 * nothing about how a server speaks, and ends the try. Follows "Backward Compatibility" of the
 * Streamable HTTP transport.
 */
import type { HttpServerConfig } from "../../config/config.ts";
import { type GatewayError, toGatewayError } from "../../errors.ts";
import type { UpstreamDeps } from "../deps.ts";
import type { Connected, Connector } from "../link.ts";
import type { Manner } from "../negotiate.ts";
import { createHttpCaller } from "./caller.ts";
import { isNoSuchMessage } from "./replies.ts";
import { createSseLine } from "./sse_line.ts";
import { createStreamable, type Streamable, type StreamableOptions } from "./streamable.ts";

/** Makes the connector of one remote server; nothing is opened yet. */
export function createHttpConnector(config: HttpServerConfig, deps: UpstreamDeps): Connector {
  const { url, headers, credentials, transport, name: server } = config;
  const { runtime, limits, clock, log } = deps;
  const caller = createHttpCaller({
    runtime,
    limits,
    clock,
    log,
    server,
    url,
    headers,
    credentials,
  });
  return {
    ownsQuestions: true,
    async connect({ manners, capabilities, hooks }, signal) {
      const refused: Manner[] = [];
      let isGone = false;
      const gone = (): void => {
        if (!isGone) hooks.gone();
        isGone = true;
      };
      let firstError: GatewayError | undefined;
      for (const manner of manners) {
        const options: StreamableOptions = {
          config,
          deps,
          caller,
          manner,
          capabilities,
          hooks: {
            ...hooks,
            broken(reason) {
              hooks.broken(reason);
              gone();
            },
          },
        };
        for (const create of waysOf(transport, manner)) {
          const outcome = await tryWay(create(options), manner, signal);
          if ("connected" in outcome) {
            return { connected: withGone(outcome.connected, gone), refused };
          }
          const { error } = outcome;
          firstError ??= error;
          const hasNoSuch = isNoSuchMessage(error);
          if (signal.aborted || !(manner.isRefusal(error) || hasNoSuch)) {
            gone();
            return { fault: { reason: error.message, permanent: false, refused } };
          }
          // Whoever answers in JSON-RPC is at the right place.
          if (!hasNoSuch) break;
        }
        refused.push(manner);
      }
      gone();
      const reason = firstError?.message ?? "it speaks no revision that is served";
      return { fault: { reason, permanent: false, refused } };
    },
  };
}

type Create = (options: StreamableOptions) => Streamable;

/** The transports to try in a manner. */
function waysOf(transport: HttpServerConfig["transport"], manner: Manner): readonly Create[] {
  const line = manner.stateless || transport === "streamable" ? [] : [createSseLine];
  return transport === "sse" ? line : [createStreamable, ...line];
}

async function tryWay(
  way: Streamable,
  manner: Manner,
  signal: AbortSignal,
): Promise<{ readonly connected: Connected } | { readonly error: GatewayError }> {
  const giveUp = () => void way.stop();
  signal.addEventListener("abort", giveUp);
  try {
    if (signal.aborted) giveUp();
    const { description } = await way.greet();
    way.ready();
    const link = { ...way.peer, mirrorsArguments: manner.stateless };
    return { connected: { link, manner, description, stop: way.stop } };
  } catch (thrown) {
    void way.stop();
    return { error: toGatewayError(thrown) };
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

function withGone(connected: Connected, gone: () => void): Connected {
  return {
    ...connected,
    async stop() {
      await connected.stop();
      gone();
    },
  };
}
