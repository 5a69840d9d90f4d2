/**
 * What a client must have declared to be asked something. Follows the client capabilities of the
 * specification: a bare `elicitation` means forms, pages and sampling with tools are declared apart.
 */
import { GatewayError } from "../../errors.ts";
import type { JsonObject, Question } from "../../model.ts";

/** The capability that a question needs and the client lacks, as it would be declared; undefined when none is. */
export function missingCapability(
  { method, params }: Pick<Question, "method" | "params">,
  capabilities: JsonObject,
): JsonObject | undefined {
  const path = pathOf(method, params, capabilities);
  if (path === undefined) return { [method]: {} };
  let declared: unknown = capabilities;
  for (const key of path) declared = memberOf(declared, key);
  if (declared !== undefined) return undefined;
  return path.reduceRight<JsonObject>((inner, key) => ({ [key]: inner }), {});
}

function pathOf(
  method: string,
  params: JsonObject,
  capabilities: JsonObject,
): readonly string[] | undefined {
  switch (method) {
    case "roots/list":
      return ["roots"];
    case "sampling/createMessage":
      return params["tools"] === undefined && params["toolChoice"] === undefined
        ? ["sampling"]
        : ["sampling", "tools"];
    case "elicitation/create": {
      if (params["mode"] === "url") return ["elicitation", "url"];
      const isBare = memberOf(memberOf(capabilities, "elicitation"), "url") === undefined;
      return isBare ? ["elicitation"] : ["elicitation", "form"];
    }
    default:
      return undefined;
  }
}

function memberOf(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key)
    ? (value as JsonObject)[key]
    : undefined;
}

/** The error that names all capabilities that the client did not declare. */
export function lacking(missing: readonly JsonObject[]): GatewayError {
  const requiredCapabilities = missing.reduce(
    (all, one) => merged(all, one),
    {} as JsonObject,
  );
  const names = Object.keys(requiredCapabilities).join(", ");
  return new GatewayError(
    "capability_missing",
    `The server asked for what the client did not declare: ${names}`,
    { data: { requiredCapabilities } },
  );
}

function merged(one: JsonObject, other: JsonObject): JsonObject {
  const servers = Object.entries(other).map(([key, value]) => {
    const own = one[key];
    return [key, own === undefined ? value : merged(own as JsonObject, value as JsonObject)];
  });
  return { ...one, ...Object.fromEntries(servers) as JsonObject };
}
