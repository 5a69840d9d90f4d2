/**
 * The cost of reading one large message, on the four contents of support/large_results.ts: its
 * bytes as text, the checks that JSON.parse does not make, both with the parsing, and writing it to
 * a client. Each is compared with what the runtime alone does.
 */
import { defaultLimits } from "../src/limits.ts";
import { scanJson } from "../src/protocol/json_scan.ts";
import { decodeUtf8, parseJson, resultText } from "../src/protocol/jsonrpc.ts";
import type { JsonObject } from "../src/model.ts";
import type { Candidate, Suite } from "./suite.ts";
import { largeResult, type LargeShape } from "./support/large_results.ts";

/** The contents, as a person writes them. */
export const contents: Readonly<Partial<Record<LargeShape, string>>> = {
  text: "plain text",
  log: "log lines",
  json: "JSON in JSON",
  structured: "structured, 3,800 objects",
};

/** One step, done by the runtime alone and by the gateway. */
export interface MessageStep {
  readonly title: string;
  /** The candidates for one message. */
  readonly candidates: (bytes: Uint8Array, text: string) => readonly Candidate[];
}

/** What `parseJson` demands of a scan. */
const levels = 2;

interface Response {
  readonly id: number;
  readonly result: JsonObject;
}

/** The steps. */
export const messageSteps: readonly MessageStep[] = [
  {
    title: "bytes as text",
    candidates(bytes) {
      const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
      return [
        { name: "TextDecoder, lenient", work: () => decoder.decode(bytes) },
        { name: "our decodeUtf8", work: () => decodeUtf8(bytes) },
      ];
    },
  },
  {
    title: "the checks beside parsing",
    candidates: (_bytes, text) => [
      { name: "JSON.parse, for comparison", work: () => JSON.parse(text) },
      { name: "our scanJson", work: () => scanJson(text, defaultLimits.jsonDepthMax, levels) },
    ],
  },
  {
    title: "text as a value, with all checks",
    candidates: (_bytes, text) => [
      { name: "JSON.parse", work: () => JSON.parse(text) },
      { name: "our parseJson, a server's line", work: () => parseJson(text, defaultLimits, false) },
      { name: "our parseJson, a client's body", work: () => parseJson(text, defaultLimits, true) },
    ],
  },
  {
    title: "a result as text",
    candidates(_bytes, text) {
      const plain = JSON.parse(text) as Response;
      const kept = parseJson(text, defaultLimits, false) as Response;
      return [
        { name: "JSON.stringify", work: () => JSON.stringify({ ...plain, id: 2 }) },
        { name: "our resultText", work: () => resultText(2, kept.result) },
      ];
    },
  },
];

/** A response of a server with this content. */
export const messageOf = (shape: LargeShape): string =>
  JSON.stringify({ jsonrpc: "2.0", id: 1, result: largeResult(shape, "a label") });

/** The suites of this file. */
export function openSuites(): Suite[] {
  return messageSteps.flatMap(({ title, candidates }) =>
    Object.entries(contents).map(([shape, content]) => {
      const text = messageOf(shape as LargeShape);
      const bytes = new TextEncoder().encode(text);
      return {
        title: `${title}: 256 KiB of ${content}`,
        unit: "message",
        units: 1,
        candidates: candidates(bytes, text),
        close: () => {},
      };
    })
  );
}
