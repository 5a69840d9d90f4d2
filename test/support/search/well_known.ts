/**
 * Twenty servers with 300 tools, as well-known servers have them: names are theirs, descriptions and
 * parameters are in words of that kind. For the search of tools; nothing here runs.
 */
import type { JsonObject } from "../../../src/model.ts";
import { codeServers } from "./tools_code.ts";
import { knowledgeServers } from "./tools_knowledge.ts";
import { officeServers } from "./tools_office.ts";
import { systemServers } from "./tools_systems.ts";
import { trackingServers } from "./tools_tracking.ts";

/**
 * Servers by name: of each tool the name, the description, and its parameters as
 * `name: description; …`, where `?` marks an optional one, `#` a number, `!` a boolean and `*` a list.
 */
export type ServerRows = Readonly<
  Record<string, readonly (readonly [name: string, description: string, params: string])[]>
>;

const types: Readonly<Record<string, string>> = { "#": "number", "!": "boolean", "*": "array" };

/** The tools of each server, as it lists them. */
export const wellKnownServers: ReadonlyMap<string, readonly JsonObject[]> = new Map(
  Object.entries({
    ...codeServers,
    ...officeServers,
    ...trackingServers,
    ...systemServers,
    ...knowledgeServers,
  }).map(([server, rows]) => [
    server,
    rows.map(([name, description, params]) => ({
      name,
      description,
      inputSchema: toSchema(params),
    })),
  ]),
);

function toSchema(params: string): JsonObject {
  const required: string[] = [];
  const properties: JsonObject = {};
  for (const row of params === "" ? [] : params.split("; ")) {
    const [, name = "", optional, type = "", description] =
      /^([\w]+)(\?)?([#!*])?: (.*)$/.exec(row) ?? [];
    if (optional === undefined) required.push(name);
    properties[name] = { type: types[type] ?? "string", description };
  }
  return { type: "object", properties, required };
}
