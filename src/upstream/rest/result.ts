/**
 * An API's answer as a tool's result: projected, truncated to a useful size for a model, in the
 * envelope of the tool's output schema, with the arguments that return more. An undocumented answer
 * is returned as it came, with a note (case F5). Failures are results too, which a model can read
 * and which say whether the call may have taken effect.
 */
import { type GatewayError, withOutcome } from "../../errors.ts";
import { section } from "../../excerpt.ts";
import type { Limits } from "../../limits.ts";
import type { JsonObject } from "../../model.ts";
import { truncateToFit, type Truncation } from "../../truncation/truncate.ts";
import { noteWhole, type WholeResult } from "../../whole_result.ts";
import type { NextPage } from "./pagination.ts";
import type { Projection } from "./projection.ts";
import type { Content, RestResponse } from "./response.ts";
import type { Check } from "./schema_check.ts";
import type { Operation } from "./service.ts";
import type { OwnArguments } from "./tool.ts";

/** How the results of a tool are made. */
export interface Presentation {
  readonly project: Projection | undefined;
  readonly nextPage: NextPage;
  /** Checks a result against the tool's output schema. */
  readonly checkEnvelope: Check;
  readonly own: OwnArguments;
  readonly operation: Pick<Operation, "readOnly" | "resends">;
  /** The most characters of a result, unless the caller takes fewer. */
  readonly charsMax: number;
  readonly limits: Pick<Limits, "restUrlCharsMax" | "resultNoteChars">;
}

/** In the `_meta` of a result of a call without credentials. */
export const degradedKey = "mcp-wrapper/degraded";

/** In the `_meta` of a failure: its outcome, as in the `data` of a JSON-RPC error. */
const outcomeKey = "mcp-wrapper/outcome";

/** The arguments of the call. */
export interface RequestedView {
  readonly given: JsonObject;
  readonly raw: boolean;
  readonly skip: number;
  /** The most characters that the caller takes; undefined: that is not known. */
  readonly charsMax: number | undefined;
}

/** The result of a successful call. */
export function toResult(
  received: RestResponse,
  wanted: RequestedView,
  how: Presentation,
): JsonObject {
  const { content, isDegraded } = received;
  const { envelope, media, whole } = content.kind === "json"
    ? presentJson(content.value, received.link, wanted, how)
    : presentOther({ ...received, content }, wanted, how);
  const present = (told: Envelope): JsonObject => ({
    ...wrap(told),
    ...(media === undefined ? {} : { content: [media] }),
    ...(isDegraded ? { _meta: { [degradedKey]: true } } : {}),
  });
  const result = present(envelope);
  if (whole !== undefined) {
    const noted = (sentence: string) =>
      present({ ...envelope, note: `${envelope.note ?? ""} ${sentence}`.trim() });
    noteWhole(result, { ...whole, noted });
  }
  return result;
}

/** The `structuredContent` of a result. */
interface Envelope {
  readonly result?: unknown;
  readonly raw?: unknown;
  readonly next?: JsonObject;
  readonly note?: string;
}

/** What a result shows, and what it was shortened from. */
interface Presented {
  readonly envelope: Envelope;
  /** An image or sound, which is the content. */
  readonly media?: JsonObject;
  readonly whole?: Pick<WholeResult, "text" | "mimeType"> | undefined;
}

/** How much of an answer a result shows. */
function charsFor({ charsMax }: RequestedView, how: Presentation): number {
  const { limits: { resultNoteChars } } = how;
  return Math.min(how.charsMax, (charsMax ?? Infinity) - resultNoteChars);
}

/** The result of a failed call. */
export function toFailure(
  error: GatewayError,
  { readOnly }: Pick<Operation, "readOnly">,
): JsonObject {
  const { outcome = "unknown" } = error;
  // A read-only call has no effect that a model needs to know of.
  const { message, data } = readOnly ? error : withOutcome(error, outcome);
  return {
    content: [{ type: "text", text: JSON.stringify({ error: message, ...data, outcome }) }],
    isError: true,
    _meta: { [outcomeKey]: outcome },
  };
}

/** The result of a call whose arguments cannot be sent. */
export function toInputError({ message }: GatewayError): JsonObject {
  return {
    content: [{ type: "text", text: message }],
    isError: true,
    _meta: { [outcomeKey]: "not_sent" },
  };
}

function presentJson(
  whole: unknown,
  link: string,
  wanted: RequestedView,
  how: Presentation,
): Presented {
  const { given, raw, skip } = wanted;
  const { own, nextPage, project, limits } = how;
  const toCut = (value: unknown) => truncateToFit(value, charsFor(wanted, how), { skip });
  const found = nextPage({ answer: whole, given, link });
  // An argument longer than a whole URL cannot be sent.
  const page = JSON.stringify(found ?? {}).length > limits.restUrlCharsMax ? undefined : found;
  const finish = (
    key: "result" | "raw",
    of: unknown,
    notes: readonly string[],
  ): Presented => {
    const cut = toCut(of);
    const next = cut.nextItem === undefined
      ? page && { ...page, ...(skip > 0 ? { [own.skip]: 0 } : {}) }
      : toNext(cut.nextItem, how);
    const note = [...notes, ...describeCut(cut, wanted, how)].join(" ");
    const isCut = cut.nextItem !== undefined || cut.leftOut.length > 0;
    return {
      envelope: {
        [key]: cut.value,
        ...(next === undefined ? {} : { next }),
        ...(note === "" ? {} : { note }),
      },
      ...(isCut ? { whole: { text: JSON.stringify(of), mimeType: "application/json" } } : {}),
    };
  };
  if (raw) return finish("raw", whole, []);
  const usual = finish("result", project === undefined ? whole : project(whole), []);
  if (how.checkEnvelope(usual.envelope).state === "fits") return usual;
  return finish("raw", whole, [
    'The answer does not have its documented shape; "raw" has it as it came.',
  ]);
}

/** The arguments for the rest of an answer; only if repeating the call changes nothing. */
function toNext(skip: number, { own, operation }: Presentation): JsonObject | undefined {
  return operation.resends ? { [own.skip]: skip } : undefined;
}

function adviseNext(skip: number, { own, operation }: Presentation): string {
  return operation.resends
    ? `Call again with ${own.skip}: ${skip} for the next ones`
    : `A call with ${own.skip}: ${skip} returns the next ones, but carries out the call again`;
}

/** What was left out, and how exactly to get it. */
function describeCut(
  { main, nextItem, leftOut }: Truncation,
  { raw, skip }: RequestedView,
  how: Presentation,
): string[] {
  const { own, project } = how;
  const name = main === undefined || main.path.length === 0
    ? "the list"
    : `"${main.path.join(".")}"`;
  const notes: string[] = [];
  if (main !== undefined && nextItem !== undefined) {
    notes.push(
      `The answer is large: of ${main.length} items of ${name}, these are ${skip} to ${
        nextItem - 1
      }. ${adviseNext(nextItem, how)}, or use narrower arguments.`,
    );
  } else if (skip > 0) {
    notes.push(
      main === undefined
        ? "The answer has no list, so no items were skipped."
        : `The first ${
          Math.min(skip, main.length)
        } of ${main.length} items of ${name} are skipped.`,
    );
  }
  if (leftOut.length === 0) return notes;
  const narrower = raw && project !== undefined && own.raw !== undefined
    ? `call without ${own.raw}, or use narrower arguments`
    : "use narrower arguments";
  return [...notes, `To fit, ${leftOut.join(" and ")}; to see more of each, ${narrower}.`];
}

function presentOther(
  { content, status, oddity }: RestResponse & {
    readonly content: Exclude<Content, { kind: "json" }>;
  },
  wanted: RequestedView,
  how: Presentation,
): Presented {
  const odd = oddity === undefined ? "" : `Not as documented: ${oddity}. `;
  const isSaid = oddity !== undefined || !how.operation.readOnly;
  const done = isSaid ? ` The call was carried out (status ${status}).` : "";
  switch (content.kind) {
    case "text":
      return presentText(
        content.text,
        wanted,
        oddity === undefined ? "" : `${odd}${done.trim()}`,
        how,
      );
    case "media": {
      const { type, data, mimeType } = content;
      const note = `${odd}The answer is of the type "${mimeType}".${done}`;
      return { envelope: { note }, media: { type, data, mimeType } };
    }
    case "other": {
      const { mediaType, bytes } = content;
      const size = bytes === undefined ? "" : ` of ${bytes} bytes`;
      const type = mediaType === "" ? "without a type" : `of the type "${mediaType}"`;
      const note = `${odd}The answer is a file${size} ${type}, which is not passed on.${done}`;
      return { envelope: { note } };
    }
    case "unread":
      return { envelope: { note: `${odd}The answer is not passed on.${done}` } };
    case "empty": {
      const note = `The server answered with status ${status} and no content.`;
      const envelope = { result: null, note };
      return { envelope: how.checkEnvelope(envelope).state === "fits" ? envelope : { note } };
    }
  }
}

/** A part of a text; an undocumented text is never the documented result. */
function presentText(
  text: string,
  wanted: RequestedView,
  odd: string,
  how: Presentation,
): Presented {
  const { text: part, start, end } = section(text, wanted.skip, charsFor(wanted, how));
  const value = { text: part.toWellFormed() };
  const next = end < text.length ? toNext(end, how) : undefined;
  const cut = end < text.length
    ? `The text has ${text.length} characters; these are ${start} to ${end - 1}. ${
      adviseNext(end, how)
    }.`
    : "";
  const note = [odd, cut].filter((one) => one !== "").join(" ");
  const more = {
    ...(next === undefined ? {} : { next }),
    ...(note === "" ? {} : { note }),
  };
  const envelope = { result: value, ...more };
  const fits = odd === "" && how.checkEnvelope(envelope).state === "fits";
  return {
    envelope: fits ? envelope : { raw: value, ...more },
    whole: end < text.length ? { text: text.toWellFormed(), mimeType: "text/plain" } : undefined,
  };
}

function wrap(envelope: Envelope): JsonObject {
  const { result, raw, note } = envelope;
  const value = result === undefined ? raw : result;
  const texts = [
    ...(value === undefined ? [] : [JSON.stringify(value)]),
    ...(note === undefined ? [] : [note]),
  ];
  return {
    content: texts.map((text) => ({ type: "text", text })),
    structuredContent: envelope,
  };
}
