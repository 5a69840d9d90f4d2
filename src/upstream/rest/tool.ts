/**
 * An operation as a tool: its entry in `tools/list`, the arguments that the engine adds (`raw`,
 * `skip`), and the envelope of every result. Models read the entry, clients check by the envelope.
 * Not here: what a call does.
 */
import { isJsonObject } from "../../json.ts";
import type { JsonObject } from "../../model.ts";
import { emptyContext } from "../../outgoing/authorization.ts";
import { toEnvelope } from "./output_schema.ts";
import { describePaging } from "./pagination.ts";
import { isReserved } from "./rest_request.ts";
import type { Operation } from "./service.ts";

/** Names of the engine's own arguments. */
export interface OwnArguments {
  /** Absent: there is no projection, so there is nothing more to return. */
  readonly raw: string | undefined;
  readonly skip: string;
}

/** A tool, and the checks of its calls. */
export interface Tool {
  /** Without the arguments that clients may not set. */
  readonly operation: Operation;
  readonly own: OwnArguments;
  /** In the form for `tools/list`; its schemas match the arguments and results. */
  readonly listed: JsonObject & {
    readonly inputSchema: JsonObject;
    readonly outputSchema: JsonObject;
  };
}

/** Makes the tool of an operation; `headers` are those of the configuration. */
export function createTool(
  whole: Operation,
  headers: Readonly<Record<string, string>>,
): Tool {
  const operation = withoutReserved(whole, headers);
  const { name, title, description, method, readOnly, repeatable } = operation;
  const given = isJsonObject(operation.inputSchema["properties"])
    ? operation.inputSchema["properties"]
    : {};
  const toOwn = (own: string): string => Object.hasOwn(given, own) ? toOwn(`_${own}`) : own;
  const own = {
    raw: operation.projection === undefined ? undefined : toOwn("raw"),
    skip: toOwn("skip"),
  };
  const paging = describePaging(operation);
  return {
    operation,
    own,
    listed: {
      name,
      ...(title === undefined ? {} : { title }),
      description: paging === "" ? description : `${description}\n\n${paging}`,
      inputSchema: {
        ...operation.inputSchema,
        type: "object",
        properties: { ...given, ...describeOwn(own) },
        additionalProperties: false,
      },
      outputSchema: toEnvelope(operation.outputSchema),
      annotations: {
        ...(title === undefined ? {} : { title }),
        readOnlyHint: readOnly,
        ...(method === "DELETE" ? { destructiveHint: true } : {}),
        idempotentHint: repeatable,
        openWorldHint: true,
      },
    },
  };
}

function describeOwn({ raw, skip }: OwnArguments): JsonObject {
  const whole = {
    type: "boolean",
    description: "Return the API's whole answer instead of the usual part of it",
  };
  return {
    ...(raw === undefined ? {} : { [raw]: whole }),
    [skip]: {
      type: "integer",
      minimum: 0,
      description: "The first item (of a text: character) to return; a truncated answer says which",
    },
  };
}

/** A value that the configuration or a credential sets is not an argument. */
function withoutReserved(
  operation: Operation,
  headers: Readonly<Record<string, string>>,
): Operation {
  const frame = { headers, context: emptyContext };
  const names = operation.parameters.filter((one) => isReserved(one, frame))
    .map(({ argument }) => argument);
  if (names.length === 0) return operation;
  const { inputSchema } = operation;
  const properties = isJsonObject(inputSchema["properties"]) ? inputSchema["properties"] : {};
  const required = Array.isArray(inputSchema["required"]) ? inputSchema["required"] : [];
  return {
    ...operation,
    parameters: operation.parameters.filter(({ argument }) => !names.includes(argument)),
    inputSchema: {
      ...inputSchema,
      properties: Object.fromEntries(
        Object.entries(properties).filter(([name]) => !names.includes(name)),
      ),
      required: required.filter((name) => !names.includes(String(name))),
    },
  };
}
