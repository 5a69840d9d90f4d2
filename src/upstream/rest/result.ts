/**
 * An API's answer as a tool's result: projected, cut to what a model can use, in the envelope that
 * the tool's output schema promises, with the arguments that give more. What does not fit that schema
 * is given as it came, and said (hostile case F5). Failures are results, too, which a model can read.
 */
import type { GatewayError } from "../../errors.ts";
import { section } from "../../excerpt.ts";
import type { Limits } from "../../limits.ts";
import type { JsonObject } from "../../model.ts";
import { type Cut, cutToFit } from "./cut.ts";
import type { NextPage } from "./pagination.ts";
import type { Projection } from "./projection.ts";
import type { Content, Received } from "./received.ts";
import type { Check } from "./schema.ts";
import type { OwnArguments } from "./tool.ts";

/** How a tool's results are made. */
export interface Presentation {
  readonly project: Projection | undefined;
  readonly nextPage: NextPage;
  /** By the tool's output schema. */
  readonly checkEnvelope: Check;
  readonly own: OwnArguments;
  readonly limits: Pick<Limits, "restResultCharsMax" | "restUrlCharsMax">;
}

/** In the `_meta` of a result that was asked for without credentials. */
export const degradedKey = "mcp-wrapper/degraded";

/** What was asked for. */
export interface Wanted {
  readonly given: JsonObject;
  readonly raw: boolean;
  readonly skip: number;
}

/** The result of a call that went well. */
export function toResult(received: Received, wanted: Wanted, how: Presentation): JsonObject {
  const { content, isDegraded } = received;
  const result = content.kind === "json"
    ? presentJson(content.value, received.link, wanted, how)
    : presentOther(content, wanted, how);
  return isDegraded ? { ...result, _meta: { [degradedKey]: true } } : result;
}

/** The result of a call that did not. */
export function toFailure({ message, data }: GatewayError): JsonObject {
  return {
    content: [{ type: "text", text: JSON.stringify({ error: message, ...data }) }],
    isError: true,
  };
}

/** The result of a call whose arguments cannot be sent. */
export function toInputError({ message }: GatewayError): JsonObject {
  return { content: [{ type: "text", text: message }], isError: true };
}

function presentJson(
  whole: unknown,
  link: string,
  wanted: Wanted,
  how: Presentation,
): JsonObject {
  const { given, raw, skip } = wanted;
  const { own, nextPage, project, limits } = how;
  const toCut = (value: unknown) => cutToFit(value, skip, limits.restResultCharsMax);
  const found = nextPage({ answer: whole, given, link });
  // What is longer than a whole URL cannot be asked for.
  const page = JSON.stringify(found ?? {}).length > limits.restUrlCharsMax ? undefined : found;
  const finish = (key: "result" | "raw", cut: Cut, notes: readonly string[]) => {
    const next = cut.nextItem === undefined
      ? page && { ...page, ...(skip > 0 ? { [own.skip]: 0 } : {}) }
      : { [own.skip]: cut.nextItem };
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

/** What was left out, and exactly how to ask for it. */
function describeCut(
  { main, nextItem, leftOut }: Cut,
  { raw, skip }: Wanted,
  { own, project }: Presentation,
): string[] {
  const name = main === undefined || main.path.length === 0
    ? "the list"
    : `"${main.path.join(".")}"`;
  const notes: string[] = [];
  if (main !== undefined && nextItem !== undefined) {
    notes.push(
      `The answer is large: of ${main.length} items of ${name}, these are ${skip} to ${
        nextItem - 1
      }. Call again with ${own.skip}: ${nextItem} for the next ones, or ask for less by narrower arguments.`,
    );
  } else if (skip > 0) {
    notes.push(
      main === undefined
        ? "There is no list to skip items of; the answer is whole."
        : `The first ${
          Math.min(skip, main.length)
        } of ${main.length} items of ${name} are skipped.`,
    );
  }
  if (leftOut.length === 0) return notes;
  const narrower = raw && project !== undefined && own.raw !== undefined
    ? `call without ${own.raw}, or ask for less by narrower arguments`
    : "ask for less by narrower arguments";
  return [...notes, `To fit, ${leftOut.join(" and ")}; to see more of each, ${narrower}.`];
}

function presentOther(
  content: Exclude<Content, { kind: "json" }>,
  { skip }: Wanted,
  how: Presentation,
): JsonObject {
  switch (content.kind) {
    case "text":
      return presentText(content.text, skip, how);
    case "media": {
      const { type, data, mimeType } = content;
      const result = wrap({ note: `The answer is of the type "${mimeType}".` });
      return { ...result, content: [{ type, data, mimeType }] };
    }
    case "other": {
      const { mediaType, bytes } = content;
      const size = bytes === undefined ? "" : ` of ${bytes} bytes`;
      return wrap({
        note: `The answer is a file${size} of the type "${mediaType}", which is not passed on.`,
      });
    }
    case "empty": {
      const note = `The server answered with status ${content.status} and no content.`;
      const envelope = { result: null, note };
      return wrap(how.checkEnvelope(envelope).state === "fits" ? envelope : { note });
    }
  }
}

function presentText(
  text: string,
  skip: number,
  { own, limits: { restResultCharsMax: charsMax }, checkEnvelope }: Presentation,
): JsonObject {
  const { text: part, start, end } = section(text, skip, charsMax);
  const value = { text: part.toWellFormed() };
  const more = text.length > end
    ? {
      next: { [own.skip]: end },
      note: `The text has ${text.length} characters; these are ${start} to ${
        end - 1
      }. Call again with ${own.skip}: ${end} for the next ones.`,
    }
    : {};
  const envelope = { result: value, ...more };
  return wrap(checkEnvelope(envelope).state === "fits" ? envelope : { raw: value, ...more });
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
