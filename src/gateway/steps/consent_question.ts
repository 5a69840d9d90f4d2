/**
 * The question whether a call may be made, as the person at the client reads it: the server, what is
 * called, and its arguments, each on one short line. A model chose the arguments and a server the
 * names, so nothing in them can look like a line of the gateway's own, or like markup.
 */
import type { Limits } from "../../limits.ts";
import type { JsonObject, ListKind } from "../../model.ts";
import { oneLine } from "../../one_line.ts";
import type { Target } from "./steps.ts";

const kindNames: Readonly<Record<ListKind, string>> = {
  tools: "Tool",
  prompts: "Prompt",
  resources: "Resource",
  templates: "Resource",
  skills: "Skill",
};

type QuestionLimits = Pick<Limits, "consentLinesMax" | "consentLineCharsMax">;

/**
 * Why a call cannot be put to a person: an argument that the question left out could be the one that
 * matters. Undefined: it can.
 */
export function unaskable(
  { params }: Target,
  { consentLinesMax }: QuestionLimits,
): string | undefined {
  const { length } = Object.keys((params["arguments"] ?? {}) as JsonObject);
  if (length <= consentLinesMax) return undefined;
  return `the question shows at most ${consentLinesMax} arguments, of which this call has ${length}`;
}

/** The params of `elicitation/create`: a form without fields, which is accepted or declined. */
export function consentQuestion(
  { server, item, params }: Target,
  limits: QuestionLimits,
): JsonObject {
  const line = (name: string, value: string) => `${shown(name, limits)}: ${shown(value, limits)}`;
  const given = Object.entries((params["arguments"] ?? {}) as JsonObject);
  const lines = given.map(([name, value]) => `- ${line(name, JSON.stringify(value) ?? "nothing")}`);
  return {
    message: [
      "Allow this call?",
      line("Server", server.config.name),
      ...(item === undefined ? [] : [line(kindNames[item.kind], item.own)]),
      ...(lines.length === 0 ? [] : ["Arguments:", ...lines]),
    ].join("\n"),
    requestedSchema: { type: "object", properties: {} },
  };
}

/** What HTML and Markdown read as markup; of brackets, those that can make a link or an image. */
const markup = /[<>&`*~|]|\](?=\s*[([:])|!(?=\[)/g;

/**
 * A text on one line, with characters of markup spelled as JSON spells them; one that is cut says how
 * long it is.
 */
function shown(text: string, { consentLineCharsMax }: QuestionLimits): string {
  const line = oneLine(text, consentLineCharsMax).replace(
    markup,
    (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const isCut = text.trim().length > consentLineCharsMax;
  return isCut ? `${line} (${text.length} characters in all)` : line;
}
