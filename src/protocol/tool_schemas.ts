/**
 * Corrects the schemas of a server's tool so that every client can use them. An output schema that
 * cannot be compiled is dropped, and the tool's results pass unchecked. An input schema that cannot
 * be compiled becomes `{"type": "object"}`, and the description says so and quotes it for the
 * model.
 */
import type { Limits } from "../limits.ts";
import type { JsonObject } from "../model.ts";
import { isJsonObject } from "./jsonrpc.ts";
import { type SchemaLimits, toSound } from "./json_schema/sound.ts";
import { withMarkedAlone } from "./modern/tool_headers.ts";

/** The limits on a tool's schemas. */
export type ToolSchemaLimits = SchemaLimits & Pick<Limits, "schemaNoteCharsMax">;

/** A tool, and what was corrected in it. */
export interface CorrectedTool {
  readonly tool: JsonObject;
  readonly reasons: readonly string[];
}

/** Corrects the schemas of a tool; a tool without faults is returned as it is. */
export function correctSchemas(tool: JsonObject, limits: ToolSchemaLimits): CorrectedTool {
  const reasons: string[] = [];
  let corrected = tool;
  if (isJsonObject(tool["inputSchema"])) {
    const given = tool["inputSchema"];
    const sound = toSound(given, "argument", limits);
    if ("problem" in sound) {
      reasons.push(`replaced its input schema, which cannot be compiled: ${sound.problem}`);
      corrected = {
        ...corrected,
        description: withNote(tool["description"], sound.problem, given, limits),
        inputSchema: withMarkedAlone(given),
      };
    } else if (sound.schema !== given) corrected = { ...corrected, inputSchema: sound.schema };
    if ("corrections" in sound) reasons.push(...sound.corrections.map(inSchema("input")));
  }
  if (isJsonObject(tool["outputSchema"])) {
    const given = tool["outputSchema"];
    const sound = toSound(given, "answer", limits);
    if ("problem" in sound) {
      const { outputSchema: _, ...rest } = corrected;
      reasons.push(`left out its output schema, which cannot be compiled: ${sound.problem}`);
      corrected = rest;
    } else if (sound.schema !== given) corrected = { ...corrected, outputSchema: sound.schema };
    if ("corrections" in sound) reasons.push(...sound.corrections.map(inSchema("output")));
  }
  return { tool: corrected, reasons };
}

const inSchema = (which: string) => (what: string) => `corrected its ${which} schema: ${what}`;

function withNote(
  description: unknown,
  problem: string,
  schema: JsonObject,
  { schemaNoteCharsMax }: ToolSchemaLimits,
): string {
  const text = JSON.stringify(schema);
  const quoted = text.length <= schemaNoteCharsMax ? ` The server's schema was: ${text}` : "";
  const note = "Note: the gateway replaced this tool's input schema, because it cannot be " +
    `compiled: ${problem}.${quoted}`;
  return typeof description === "string" && description !== "" ? `${description}\n\n${note}` : note;
}
