/**
 * Whether a client may be asked something: one table of what each kind of question needs the client
 * to have declared. A bare `elicitation` means forms; pages and sampling with tools are declared
 * apart. Follows the client capabilities of the specification. Whether a client's revision has
 * words for the question is for its codec.
 */
import { GatewayError } from "./errors.ts";
import type { JsonObject, Question } from "./model.ts";

/** A question, as far as it decides what it needs. */
type Asked = Pick<Question, "method" | "params">;

/** What one kind of question needs; of the rows of a method the first that applies counts. */
export interface Requirement {
  readonly method: string;
  /** Names the kind. */
  readonly mode: string;
  readonly applies: (params: JsonObject, capabilities: JsonObject) => boolean;
  /** The place of the capability, outermost first. */
  readonly needs: readonly string[];
}

const always = (): boolean => true;

/** All kinds of questions that a client can be asked. */
export const requirements: readonly Requirement[] = [
  { method: "roots/list", mode: "roots", applies: always, needs: ["roots"] },
  {
    method: "sampling/createMessage",
    mode: "tools",
    applies: usesTools,
    needs: ["sampling", "tools"],
  },
  { method: "sampling/createMessage", mode: "plain", applies: always, needs: ["sampling"] },
  {
    method: "elicitation/create",
    mode: "page",
    applies: ({ mode }) => mode === "url",
    needs: ["elicitation", "url"],
  },
  {
    method: "elicitation/create",
    mode: "form, where the client names its modes",
    applies: (_params, capabilities) => isDeclared(capabilities, ["elicitation", "url"]),
    needs: ["elicitation", "form"],
  },
  { method: "elicitation/create", mode: "form", applies: always, needs: ["elicitation"] },
];

/** A capability that a question needs and its client did not declare. */
export interface MissingCapability {
  /** As the client would declare it. */
  readonly required: JsonObject;
  /** The outermost part that is not declared, such as `sampling` or `sampling.tools`. */
  readonly lacks: string;
  /** Whether nothing of the capability is declared, not only a part of it. */
  readonly isWhole: boolean;
}

/** What keeps a client with these capabilities from being asked; undefined when nothing does. */
export function missingCapability(
  { method, params }: Asked,
  capabilities: JsonObject,
): MissingCapability | undefined {
  const row = requirements.find((one) =>
    one.method === method && one.applies(params, capabilities)
  );
  // What is no question has no capability; its name stands for one.
  const needs = row?.needs ?? [method];
  const at = row === undefined
    ? 0
    : needs.findIndex((_, index) => !isDeclared(capabilities, needs.slice(0, index + 1)));
  if (at < 0) return undefined;
  const required = needs.reduceRight<JsonObject>((inner, key) => ({ [key]: inner }), {});
  return { required, lacks: needs.slice(0, at + 1).join("."), isWhole: at === 0 };
}

/** Whether a request of a server is a question that clients can be asked at all. */
export function isQuestion(method: string): boolean {
  return requirements.some((row) => row.method === method);
}

/** Whether a capability, or a part of one, is declared: each part of its place is an object. */
export function isDeclared(capabilities: JsonObject, path: readonly string[]): boolean {
  let place: unknown = capabilities;
  for (const key of path) place = memberOf(place, key);
  return isObject(place);
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

/**
 * Whether the params of a sampling request offer the model tools, or its conversation has used
 * some.
 */
export function usesTools({ tools, toolChoice, messages }: JsonObject): boolean {
  if (tools !== undefined || toolChoice !== undefined) return true;
  const blocks = (Array.isArray(messages) ? messages : []).flatMap((message: unknown) =>
    memberOf(message, "content")
  );
  return blocks.some((block) => {
    const type = memberOf(block, "type");
    return type === "tool_use" || type === "tool_result";
  });
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function memberOf(value: unknown, key: string): unknown {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

function merged(one: JsonObject, other: JsonObject): JsonObject {
  const members = Object.entries(other).map(([key, value]) => {
    const own = one[key];
    return [key, own === undefined ? value : merged(own as JsonObject, value as JsonObject)];
  });
  return { ...one, ...Object.fromEntries(members) as JsonObject };
}
