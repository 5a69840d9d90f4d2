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
import { truncateToFit, type Truncation } from "./truncate.ts";
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
  readonly limits: Pick<Limits, "restResultCharsMax" | "restUrlCharsMax">;
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
}

/** The result of a successful call. */
export function toResult(
  received: RestResponse,
  wanted: RequestedView,
  how: Presentation,
): JsonObject {
  const { content, isDegraded } = received;
  const result = content.kind === "json"
    ? presentJson(content.value, received.link, wanted, how)
    : presentOther({ ...received, content }, wanted, how);
  return isDegraded ? { ...result, _meta: { [degradedKey]: true } } : result;
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
): JsonObject {
  const { given, raw, skip } = wanted;
  const { own, nextPage, project, limits } = how;
  const toCut = (value: unknown) => truncateToFit(value, skip, limits.restResultCharsMax);
  const found = nextPage({ answer: whole, given, link });
  // An argument longer than a whole URL cannot be sent.
  const page = JSON.stringify(found ?? {}).length > limits.restUrlCharsMax ? undefined : found;
  const finish = (key: "result" | "raw", cut: Truncation, notes: readonly string[]) => {
    const next = cut.nextItem === undefined
      ? page && { ...page, ...(skip > 0 ? { [own.skip]: 0 } : {}) }
      : toNext(cut.nextItem, how);
    const note = [...notes, ...describeCut(cut, wanted, how)].join(" ");
    return {
      [key]: cut.value,
      ...(next === undefined ? {} : { next }),
      ...(note === "" ? {} : { note }),
    };
  };
  if (raw) return wrap(finish("raw", toCut(whole), []));
  const envelope = finish("result", toCut(project === undefined ? whole : project(whole)), []);
  if (how.checkEnvelope(envelope).state === "fits") return wrap(envelope);
  return wrap(finish("raw", toCut(whole), [
    'The answer does not have its documented shape; "raw" has it as it came.',
  ]));
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
  { skip }: RequestedView,
  how: Presentation,
): JsonObject {
  const odd = oddity === undefined ? "" : `Not as documented: ${oddity}. `;
  const isSaid = oddity !== undefined || !how.operation.readOnly;
  const done = isSaid ? ` The call was carried out (status ${status}).` : "";
  switch (content.kind) {
    case "text":
      return presentText(
        content.text,
        skip,
        oddity === undefined ? "" : `${odd}${done.trim()}`,
        how,
      );
    case "media": {
      const { type, data, mimeType } = content;
      const result = wrap({ note: `${odd}The answer is of the type "${mimeType}".${done}` });
      return { ...result, content: [{ type, data, mimeType }] };
    }
    case "other": {
      const { mediaType, bytes } = content;
      const size = bytes === undefined ? "" : ` of ${bytes} bytes`;
      const type = mediaType === "" ? "without a type" : `of the type "${mediaType}"`;
      return wrap({
        note: `${odd}The answer is a file${size} ${type}, which is not passed on.${done}`,
      });
    }
    case "unread":
      return wrap({ note: `${odd}The answer is not passed on.${done}` });
    case "empty": {
      const note = `The server answered with status ${status} and no content.`;
      const envelope = { result: null, note };
      return wrap(how.checkEnvelope(envelope).state === "fits" ? envelope : { note });
    }
  }
}

/** A part of a text; an undocumented text is never the documented result. */
function presentText(text: string, skip: number, odd: string, how: Presentation): JsonObject {
  const { limits: { restResultCharsMax: charsMax }, checkEnvelope } = how;
  const { text: part, start, end } = section(text, skip, charsMax);
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
  const fits = odd === "" && checkEnvelope(envelope).state === "fits";
  return wrap(fits ? envelope : { raw: value, ...more });
}

function wrap(
  envelope: { readonly result?: unknown; readonly raw?: unknown; readonly note?: string },
): JsonObject {
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
