/**
 * The calls under way on one lane, and whose an unsolicited notice or question is: stdio has no
 * channel for each call, so that must be told from what is open. On a lane of one session it is
 * the only open call or, of several, the latest that does work for the client; on a shared lane
 * only a sole call is beyond doubt.
 */
import type { GatewayError } from "../errors.ts";
import type { ExchangeSource } from "./exchange.ts";
import type { OpenRequest } from "./peer.ts";

/** One call under way. */
export interface OpenCall {
  readonly method: string;
  readonly scope: string;
  readonly source: ExchangeSource;
  readonly request: OpenRequest;
}

/** The calls of one lane. */
export interface OpenCalls {
  add(call: OpenCall): void;
  delete(call: OpenCall): void;
  /** Whose a notice or question is; undefined when that cannot be told. */
  owner(): OpenCall | undefined;
  /** Ends the calls of one scope. */
  endScope(scope: string, error: GatewayError): void;
}

/** Methods by which a server works for the client, and during which it may turn to it. */
const working = new Set(["tools/call", "prompts/get", "resources/read"]);

/** Makes an empty set of calls. */
export function createOpenCalls(isolation: "session" | "shared"): OpenCalls {
  const calls = new Set<OpenCall>();
  return {
    add: (call) => void calls.add(call),
    delete: (call) => void calls.delete(call),
    owner() {
      if (calls.size === 1) return calls.values().next().value;
      if (isolation === "shared") return undefined;
      return [...calls].findLast((call) => working.has(call.method));
    },
    endScope(scope, error) {
      for (const call of [...calls]) {
        if (call.scope !== scope) continue;
        calls.delete(call);
        call.request.cancel("The session ended");
        call.source.end({ kind: "failure", error });
      }
    },
  };
}
