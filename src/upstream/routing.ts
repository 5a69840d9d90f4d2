/**
 * Where a lane's unsolicited notices and questions go: to the call that owns them (open_calls.ts
 * tells which), else to whoever watches the scope. Questions that the client did not declare to
 * answer are refused here; roots that the operator fixed are answered here.
 */
import { GatewayError } from "../errors.ts";
import type { StdioServerConfig } from "../config/config.ts";
import type { Answer, JsonObject, Notice } from "../model.ts";
import type { WireMessage } from "../protocol/codec.ts";
import { toRefusal } from "./exchange.ts";
import type { OpenCall } from "./open_calls.ts";

/** Who hears what belongs to no call. */
export interface RoutingHooks {
  /** A notice that belongs to no call; false when nobody wants it. */
  notice(notice: Notice): boolean;
  /** A question that belongs to no call; must not reject. */
  ask(question: WireMessage, signal: AbortSignal): Promise<Answer>;
}

/** What decides where things go. */
export interface RoutingOptions {
  readonly config: Pick<StdioServerConfig, "isolation" | "roots">;
  /** What the server is told that its client can do. */
  readonly capabilities: JsonObject;
  readonly hooks: RoutingHooks;
}

/** What a client must have declared to be asked. */
const capabilityOfAsk: ReadonlyMap<string, string> = new Map([
  ["sampling/createMessage", "sampling"],
  ["elicitation/create", "elicitation"],
  ["roots/list", "roots"],
]);

/** Makes the two handlers that a peer is given. */
export function createRouting(
  { config, capabilities, hooks }: RoutingOptions,
  owner: () => OpenCall | undefined,
) {
  const notice = (item: Notice): boolean => {
    if (item.method !== "notifications/message") return hooks.notice(item);
    const call = owner();
    if (call === undefined) return config.isolation === "session" && hooks.notice(item);
    call.request.touch();
    return call.source.notice(item);
  };
  const ask = (question: WireMessage, signal: AbortSignal): Promise<Answer> => {
    const { method, params } = question;
    const capability = capabilityOfAsk.get(method);
    if (capability === undefined || capabilities[capability] === undefined) {
      return Promise.resolve(toRefusal(new GatewayError("method_not_found")));
    }
    if (method === "roots/list" && typeof config.roots !== "string") {
      return Promise.resolve({ kind: "answer", value: { roots: config.roots } });
    }
    return owner()?.source.ask(method, params, signal) ?? hooks.ask(question, signal);
  };
  return { notice, ask };
}
