/**
 * The gateway as a client elsewhere sees it, who has nothing but its URL: what the checks from
 * outside share.
 */
import type { AccessFacts } from "../../app.ts";
import { isJsonObject } from "../../json.ts";
import type { JsonObject } from "../../model.ts";
import { oneLine } from "../../one_line.ts";
import { type Finding, problem } from "./finding.ts";
import { type CheckAnswer, type CheckRequest, toFaultFinding } from "./probe.ts";

/** Where a client looks, and what it should find there. */
export interface Outside {
  /** What all URLs of the gateway begin with, without a slash at its end. */
  readonly base: string;
  readonly facts: AccessFacts;
  readonly send: (url: string, sent?: CheckRequest) => Promise<CheckAnswer>;
  readonly certificateEnd: (url: URL) => Promise<number | undefined>;
  /** Whether programs elsewhere can reach an address. */
  readonly isReachedFromElsewhere: (address: string) => boolean;
}

/** An answer that arrived. */
export type Arrived = Exclude<CheckAnswer, { readonly fault: unknown }>;

const shownCharsMax = 200;

/** A text of a server as a part of a finding. */
export const shown = (text: unknown): string =>
  oneLine(typeof text === "string" ? text : JSON.stringify(text) ?? "nothing", shownCharsMax);

/**
 * The problem of an answer that no client can use, whatever was asked: it did not arrive, sends the
 * client elsewhere, or comes from something in front of the gateway.
 */
export function toUnusable(url: string, answer: CheckAnswer): Finding | undefined {
  if ("fault" in answer) return toFaultFinding(url, answer.fault);
  const { status, headers } = answer;
  if (status >= 300 && status < 400) return toRedirectFinding(url, headers.get("location") ?? "");
  if (status < 500) return undefined;
  return problem(`${url} answers ${status}`, "look at the log of the proxy and of the gateway");
}

function toRedirectFinding(url: string, location: string): Finding {
  const target = URL.canParse(location, url) ? new URL(location, url) : undefined;
  const text = `${url} redirects to ${shown(target?.href ?? location)}`;
  return target !== undefined && target.origin !== new URL(url).origin
    ? problem(
      text,
      "clients do not follow a redirect to another host: set MCP_PUBLIC_URL to the URL that " +
        "answers, and give that URL to clients",
    )
    : problem(text, "let the proxy pass the request on instead: clients may not follow redirects");
}

/** Reads a public document; or says why it cannot be used. */
export async function readDocument(
  { send }: Pick<Outside, "send">,
  url: string,
): Promise<{ readonly value: JsonObject } | { readonly finding: Finding }> {
  const answer = await send(url);
  const unusable = toUnusable(url, answer);
  if (unusable !== undefined) return { finding: unusable };
  const { status, text } = answer as Arrived;
  if (status !== 200) {
    return {
      finding: problem(
        `${url} answers ${status} instead of the metadata`,
        "let the proxy pass on all paths below /.well-known/ to the gateway, without a log-in",
      ),
    };
  }
  const value = toObject(text);
  if (value !== undefined) return { value };
  return {
    finding: problem(
      `${url} answers with something else than JSON`,
      "let the proxy pass on all paths below /.well-known/ to the gateway, unchanged",
    ),
  };
}

/** A text as a JSON object; undefined if it is none. */
export function toObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
