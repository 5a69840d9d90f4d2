/**
 * A caller of 2026-07-28 by hand: any number of requests at once over whatever sends them, with the
 * capabilities that it declares. For what SDK clients never do: walking away from a question, coming
 * back twice, leaving in the middle.
 */
import type { JsonObject } from "../../src/model.ts";
import { envelope, mirror } from "./stateless_client.ts";

/** Sends one request: `fetch`, or a gateway without a socket. */
export type SendRequest = (path: string, init: RequestInit) => Promise<Response>;

/** What came of a request. */
export interface StatelessAnswer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly result?: JsonObject & {
    readonly resultType?: string;
    readonly inputRequests?: Readonly<Record<string, { readonly params: JsonObject }>>;
    readonly requestState?: string;
  };
  readonly error?: {
    readonly code: number;
    readonly message: string;
    readonly data?: { readonly outcome?: string; readonly retryAfterMs?: number };
  };
}

/** One caller. */
export interface StatelessCaller {
  ask(method: string, params: JsonObject, signal?: AbortSignal): Promise<StatelessAnswer>;
  /** A tool call; `more` is what the caller brings along when it comes back. */
  call(
    name: string,
    args: JsonObject,
    more?: JsonObject,
    signal?: AbortSignal,
  ): Promise<StatelessAnswer>;
}

/** What a client declares that can do everything. */
export const everything: JsonObject = {
  elicitation: { form: {}, url: {} },
  sampling: { tools: {}, context: {} },
  roots: {},
};

/** Makes a caller; `headers` are beside the usual ones. */
export function createStatelessCaller(
  send: SendRequest,
  path: string,
  clientCapabilities: JsonObject,
  headers: Readonly<Record<string, string>> = {},
): StatelessCaller {
  let id = 0;
  const ask: StatelessCaller["ask"] = async (method, params, signal) => {
    const response = await send(path, {
      method: "POST",
      headers: { ...mirror(method, params), ...headers },
      body: JSON.stringify({
        jsonrpc: "2.0",
        id: id += 1,
        method,
        params: { ...params, _meta: envelope({ clientCapabilities }) },
      }),
      ...(signal === undefined ? {} : { signal }),
    });
    const text = await response.text();
    const lines = text.startsWith("{") ? [text] : text.match(/(?<=^data: )\{.*$/gm) ?? [];
    const message = JSON.parse(lines.at(-1) ?? "{}");
    const { status } = response;
    return { ...message, status, retryAfter: response.headers.get("retry-after") };
  };
  return {
    ask,
    call: (name, args, more = {}, signal) =>
      ask("tools/call", { name, arguments: args, ...more }, signal),
  };
}

/** What a caller returns with: the same answer to each question, and the state. */
export function answersTo({ result }: StatelessAnswer, answer: JsonObject): JsonObject {
  const keys = Object.keys(result?.inputRequests ?? {});
  return {
    inputResponses: Object.fromEntries(keys.map((key) => [key, answer])),
    requestState: result?.requestState ?? "",
  };
}

/** The text of a tool's answer. */
export function textIn({ result }: StatelessAnswer): string | undefined {
  const [first] = (result?.["content"] ?? []) as unknown as { text?: string }[];
  return first?.text;
}
