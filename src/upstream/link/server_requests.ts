/**
 * The upstream's own requests: answers `ping`, puts questions (sampling, elicitation, roots) to the
 * client that can answer them, and refuses everything else. Each question gets at most one answer;
 * a withdrawn one gets none.
 */
import { errorTable } from "../../error_table.ts";
import type { Limits } from "../../limits.ts";
import type { JsonObject, RequestId } from "../../model.ts";
import type { AskingWords, UpstreamFacingCodec, WireMessage } from "../../protocol/codec.ts";
import { errorText, resultText } from "../../protocol/jsonrpc.ts";
import type { LinkRequest, ServerEvents } from "./link.ts";
import type { OutputGuard } from "./output_guard.ts";

/** What it works with. */
export interface ServerRequestsOptions {
  readonly codec: () => UpstreamFacingCodec;
  readonly limits: Pick<Limits, "asksMax">;
  readonly guard: OutputGuard;
  /** Queues one message; false when the upstream does not read. */
  readonly send: (line: string) => boolean;
  /** Takes a question that belongs to no request by its stream. */
  readonly events: Pick<ServerEvents, "ask">;
  /** A ping was answered. */
  readonly pinged?: (() => void) | undefined;
}

/** Requests of one upstream. */
export interface ServerRequests {
  /** `owner` is the request whose own stream says that the question is its own. */
  receive(
    id: RequestId,
    method: string,
    params: JsonObject,
    owner?: Pick<LinkRequest, "ask">,
  ): void;
  /** The upstream does not want its answer any more; false when no such question is open. */
  withdraw(id: unknown): boolean;
  /** Questions under way. */
  open(): number;
  close(): void;
}

/** Makes it. */
export function createServerRequests(options: ServerRequestsOptions): ServerRequests {
  const { limits, guard } = options;
  const openAsks = new Map<RequestId, AbortController>();
  let closed = false;

  const refuse = (id: RequestId, code: "method_not_found" | "overloaded" | "invalid_params") =>
    void options.send(
      errorText(id, { code: errorTable[code].rpc, message: errorTable[code].text }),
    );

  const putQuestion = async (
    id: RequestId,
    question: WireMessage,
    owner: Pick<LinkRequest, "ask"> | undefined,
    { encodeAnswer }: AskingWords,
  ): Promise<void> => {
    const withdrawn = new AbortController();
    openAsks.set(id, withdrawn);
    const { signal } = withdrawn;
    const answer = await (owner?.ask?.(question, signal) ?? options.events.ask(question, signal));
    if (closed || signal.aborted) return;
    openAsks.delete(id);
    const encoded = encodeAnswer(answer);
    const line = "result" in encoded
      ? resultText(id, encoded.result)
      : errorText(id, encoded.error);
    options.send(line);
  };

  return {
    receive(id, method, params, owner) {
      guard.notice();
      if (method === "ping") {
        options.send(resultText(id, {}));
        return options.pinged?.();
      }
      const codec = options.codec();
      if (codec.asks === "result") return refuse(id, "method_not_found");
      const decoded = codec.decodeAsk(method, params);
      if (decoded.kind === "unknown") return refuse(id, "method_not_found");
      if (decoded.kind === "invalid" || openAsks.has(id)) return refuse(id, "invalid_params");
      if (openAsks.size >= limits.asksMax) return refuse(id, "overloaded");
      void putQuestion(id, decoded.value, owner, codec);
    },
    withdraw(id) {
      const isId = typeof id === "string" || typeof id === "number";
      const open = isId ? openAsks.get(id) : undefined;
      if (!isId || open === undefined) return false;
      openAsks.delete(id);
      open.abort();
      return true;
    },
    open: () => openAsks.size,
    close() {
      closed = true;
      for (const open of openAsks.values()) open.abort();
      openAsks.clear();
    },
  };
}
