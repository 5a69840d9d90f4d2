/**
 * An operation as a tool: what `tools/list` says of it, the arguments that the engine adds (`raw`,
 * `skip`), and the envelope that every result has. A model reads the first, a client checks by the
 * last. Not here: what a call does.
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
  /** Absent: there is no projection, and nothing more to be had. */
  readonly raw: string | undefined;
  readonly skip: string;
}

/** A tool and what its calls are checked by. */
export interface Tool {
  /** Without the arguments that are not its clients' to give. */
  readonly operation: Operation;
  readonly own: OwnArguments;
  /** As `tools/list` gives it; its schemas hold for what a call takes and gives. */
  readonly listed: JsonObject & {
    readonly inputSchema: JsonObject;
    readonly outputSchema: JsonObject;
  };
}

/** Makes the tool of an operation; `headers` are those that the configuration sends. */
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
    description: "Give the API's whole answer instead of the usual part of it",
  };
  return {
    ...(raw === undefined ? {} : { [raw]: whole }),
    [skip]: {
      type: "integer",
      minimum: 0,
      description: "From which item (of a text: character) on; an answer that was cut says it",
    },
  };
}

/** What the configuration or a credential sets is not asked of a model. */
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
