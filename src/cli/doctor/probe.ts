/**
 * The requests that checks make: single ones, without credentials, that follow no redirect and end
 * in time; and what a request that fails means.
 */
import { bytesPerMegabyte, defaultLimits } from "../../limits.ts";
import type { OutgoingResponse, RequestFault } from "../../runtime/runtime.ts";
import type { CommandContext } from "../command.ts";
import { type Finding, problem } from "./finding.ts";

/** An answer, as far as checks need it. */
export type CheckAnswer =
  | { readonly status: number; readonly headers: Headers; readonly text: string }
  | { readonly fault: RequestFault };

/** What a request sends. */
export interface CheckRequest {
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly withinMs?: number;
  /** Whether it may connect to an address of the host; absent: to any. */
  readonly allowAddress?: (address: string) => boolean;
}

/** Makes one request without credentials, within a few seconds. Never rejects. */
export async function request(
  { platform: { runtime }, signal }: Pick<CommandContext, "platform" | "signal">,
  url: string,
  sent: CheckRequest = {},
): Promise<CheckAnswer> {
  const { method = "GET", headers = {}, body, withinMs = defaultLimits.checkMs } = sent;
  const late = AbortSignal.timeout(withinMs);
  try {
    const response = await runtime.request({
      url,
      method,
      headers: { accept: "application/json, text/event-stream", ...headers },
      body,
      signal: AbortSignal.any([signal, late]),
      connectMs: withinMs,
      allowAddress: sent.allowAddress ?? (() => true),
    });
    return {
      status: response.status,
      headers: response.headers,
      text: await readStart(response),
    };
  } catch (fault) {
    return { fault: fault as RequestFault };
  }
}

async function readStart({ body, headers }: OutgoingResponse): Promise<string> {
  // A stream of events never ends.
  if (headers.get("content-type")?.includes("event-stream") === true) {
    await body.cancel().catch(() => {});
    return "";
  }
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > bytesPerMegabyte) break;
  }
  return text;
}

interface FaultRow {
  readonly text: string;
  readonly advice: string;
}

const otherFault: FaultRow = {
  text: "the connection broke",
  advice: "look at the log of the proxy",
};
const noAnswer: FaultRow = { text: "no answer", advice: "check the firewall and the proxy" };

const faults: Partial<Readonly<Record<RequestFault["kind"], FaultRow>>> = {
  unknown_host: { text: "no such host", advice: "correct MCP_PUBLIC_URL or the DNS entry" },
  connect: { text: "nothing listens there", advice: "start the proxy, or open its port" },
  timeout: noAnswer,
  aborted: noAnswer,
  tls: {
    text: "its certificate cannot be trusted",
    advice: "renew it, or let the proxy send the whole chain; NODE_EXTRA_CA_CERTS adds an own CA",
  },
};

/** Why a URL of the gateway cannot be reached, and what to do. */
export function toFaultFinding(url: string, { kind, message }: RequestFault): Finding {
  const { text, advice } = faults[kind] ?? otherFault;
  return problem(`${url}: ${text} (${message})`, advice);
}
