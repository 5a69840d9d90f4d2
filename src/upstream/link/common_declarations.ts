/**
 * What several clients of one process can all be asked: the capabilities, and the extensions, that
 * each of them declared. Not here: who they are (upstream/mcp/pool_start.ts).
 */
import { isJsonObject } from "../../json.ts";
import type { Caller, JsonObject } from "../../model.ts";
import { plainCapabilities } from "../../protocol/shared/relayed_capabilities.ts";

/** The part of a caller that clients declare. */
type Declarations = Pick<Caller, "capabilities" | "extensions">;

/** What all callers have declared; nothing where there are none. */
export function commonDeclarations(callers: readonly Declarations[]): Declarations {
  const common = inAll(callers.map(({ capabilities }) => spelledOut(capabilities)));
  const { elicitation = {}, ...others } = common;
  // Without a mode in common there is no question in common, either.
  const hasMode = isJsonObject(elicitation) && Object.keys(elicitation).length > 0;
  return {
    capabilities: hasMode ? common : others,
    extensions: inAll(callers.map(({ extensions = {} }) => extensions)),
  };
}

/** The reduced form, in which an `elicitation` that names no mode means forms, and says so. */
function spelledOut(capabilities: JsonObject): JsonObject {
  const { elicitation, ...others } = plainCapabilities(capabilities);
  if (!isJsonObject(elicitation)) return others;
  const modes = Object.keys(elicitation).length === 0 ? { form: {} } : elicitation;
  return { ...others, elicitation: modes };
}

function inAll([first = {}, ...others]: readonly JsonObject[]): JsonObject {
  return others.reduce((common, next) => inBoth(common, next), first);
}

function inBoth(one: JsonObject, other: JsonObject): JsonObject {
  const entries = Object.entries(one).flatMap(([name, value]) => {
    const theirs = other[name];
    if (isJsonObject(value) && isJsonObject(theirs)) return [[name, inBoth(value, theirs)]];
    return isSame(value, theirs) ? [[name, value]] : [];
  });
  return Object.fromEntries(entries) as JsonObject;
}

function isSame(one: unknown, other: unknown): boolean {
  return other !== undefined && JSON.stringify(one) === JSON.stringify(other);
}
