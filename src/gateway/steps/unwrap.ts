/**
 * The call inside a `call_tool`. It takes the place of the outer one before any other step sees it,
 * so that audit, rights, consent, rates, questions, progress and tasks are those of the inner tool,
 * as if the client had called it by its name. On the way back an unknown name becomes a result that
 * the model can read: to the client, the tool that it called exists.
 */
import { GatewayError } from "../../errors.ts";
import { isJsonObject } from "../../json.ts";
import type { Call, Ending, JsonObject } from "../../model.ts";
import { unknownItem } from "../lookup.ts";
import { isSearchTool, searchToolNames } from "../search_tools.ts";
import { unknownTool } from "../unknown_tool.ts";
import type { CallContext, MakeStep } from "./steps.ts";

/** Makes the step. */
export const makeUnwrapStep: MakeStep = ({ search, limits }) => {
  const unwrapped = new WeakSet<CallContext>();
  return {
    name: "unwrap",
    before(context) {
      const inner = innerCall(context);
      if (inner === undefined) return;
      context.call = inner;
      unwrapped.add(context);
    },
    end(context, ending) {
      if (!unwrapped.has(context) || context.isGivenUp) return;
      const { call, surface } = context;
      const name = String(call.params["name"]);
      if (!isUnknown(ending, name)) return;
      return search.offered(surface, call.caller)
        .then(({ tools }): Ending => ({
          kind: "result",
          value: unknownTool(name, tools, limits),
        }));
    },
  };
};

/** The members that a `call_tool` may have; what else a model writes belongs into `arguments`. */
const members: ReadonlySet<string> = new Set(["name", "arguments"]);

/** Why a `call_tool` cannot be unwrapped, for the model. */
export function problemOfCall(args: unknown): string | undefined {
  if (!isJsonObject(args) || typeof args["name"] !== "string") {
    return `"name" must be the name of a tool that ${searchToolNames.search} found`;
  }
  const stray = Object.keys(args).find((member) => !members.has(member));
  if (stray !== undefined) {
    return `"${stray}" is none of its members: put the tool's own arguments into "arguments"`;
  }
  if (args["arguments"] !== undefined && !isJsonObject(args["arguments"])) {
    return '"arguments" must be an object, such as {"path": "/tmp"}';
  }
  return undefined;
}

/** The inner call; undefined where there is none, or none that makes sense. */
function innerCall({ call, surface }: CallContext): Call | undefined {
  const { method, params } = call;
  if (surface.search === undefined || method !== "tools/call") return undefined;
  if (params["name"] !== searchToolNames.call) return undefined;
  const { arguments: given, ...others } = params;
  if (problemOfCall(given) !== undefined) return undefined;
  const { name, arguments: args } = given as JsonObject;
  if (isSearchTool(surface, name)) return undefined;
  return {
    ...call,
    params: { ...others, name, ...(args === undefined ? {} : { arguments: args }) },
    // Headers repeat the outer call's arguments; the item is looked up all the same.
    checkItem: call.checkItem && (() => {}),
  };
}

/** Whether a call failed because there is no such tool, for this caller. */
function isUnknown(ending: Ending, name: string): boolean {
  return ending.kind === "failure" && ending.error instanceof GatewayError &&
    ending.error.upstream === undefined &&
    ending.error.message === unknownItem("tools", name).message;
}
