/**
 * The description of a server in its first answer, as each of its connections keeps it. Each member
 * is limited by itself, so one that is too large does not affect the others.
 */
import { beginning } from "../excerpt.ts";
import { defaultLimits } from "../limits.ts";
import type { Description, JsonObject } from "../model.ts";
import { membersWithin } from "./bounds.ts";
import { isJsonObject } from "./jsonrpc.ts";

const { serverInfoBytesMax, serverCapabilitiesBytesMax, instructionsCharsMax } = defaultLimits;

/** The description of a server from the members of its first answer. */
export function toDescription(
  capabilities: JsonObject,
  serverInfo: unknown,
  instructions: unknown,
): Description {
  return {
    capabilities: membersWithin(capabilities, serverCapabilitiesBytesMax),
    serverInfo: isJsonObject(serverInfo)
      ? membersWithin(serverInfo, serverInfoBytesMax)
      : undefined,
    instructions: typeof instructions === "string"
      ? beginning(instructions, instructionsCharsMax)
      : undefined,
  };
}
