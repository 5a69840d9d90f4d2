/** What a server whose tools change lists now, and to whom. */
import type { JsonObject } from "../../src/model.ts";

/** What clients declare that show apps. */
export const uiExtension = "io.modelcontextprotocol/ui";

/** The tools of such a server. */
export interface ChangingState {
  readonly version: string;
  readonly tools: readonly JsonObject[];
  /** Further tools for clients that can be asked to sample, or that show apps. */
  readonly more?: readonly JsonObject[];
}

/** A tool with a description. */
export function toolOf(name: string, description = `Does ${name}`, more: JsonObject = {}) {
  return {
    name,
    description,
    inputSchema: {
      type: "object",
      properties: { path: { type: "string" }, size: { type: "number" } },
      required: ["path", "size"],
    },
    ...more,
  };
}

/** The tool by which a server says that its tools changed. */
export const announce = toolOf("announce", "Says that the tools changed");

/** What a client with these capabilities gets. */
export function listedTools(
  { tools, more = [] }: ChangingState,
  { sampling, extensions }: Readonly<Record<string, unknown>> = {},
): readonly JsonObject[] {
  const hasExtension = Object.hasOwn((extensions ?? {}) as object, uiExtension);
  return [...tools, announce, ...sampling !== undefined || hasExtension ? more : []];
}
