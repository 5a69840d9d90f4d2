/**
 * The handshake toward an upstream: the params of `initialize`, and how its answer is read. The
 * answer may name any revision of this era; an upstream that names another cannot be used. Follows
 * the lifecycle section of each revision.
 */
import { quoteJson } from "../../excerpt.ts";
import { handshakeCapabilities } from "../../extensions.ts";
import type { Description, JsonObject } from "../../model.ts";
import type { UpstreamDecoded } from "../codec.ts";
import { cleanCapabilities, cleanInfo } from "../declared_members.ts";
import { toDescription } from "../description.ts";
import { isJsonObject } from "../jsonrpc.ts";
import { isServed, latestRevision, type Revision, revisions } from "./revisions.ts";

/** The upstream's answer. */
export interface InitializeAnswer {
  readonly revision: Revision;
  readonly description: Description;
}

/** Characters to quote of a revision, which may be any text. */
const namedCharsMax = 40;

/**
 * The params of `initialize`. `capabilities` are what this upstream may ask for; `title` names the
 * client, if the upstream may know it.
 */
export function initializeParams(
  capabilities: JsonObject,
  identity: { readonly name: string; readonly version: string },
  title?: string,
): JsonObject {
  const clientInfo = title === undefined ? { ...identity } : { ...identity, title };
  return { protocolVersion: latestRevision, capabilities, clientInfo };
}

/** The result of `initialize`. */
export function decodeInitialize(result: unknown): UpstreamDecoded<InitializeAnswer> {
  if (!isJsonObject(result)) return invalid("the result must be an object");
  const { protocolVersion, capabilities, serverInfo, instructions } = result;
  if (!isServed(protocolVersion)) {
    const named = quoteJson(protocolVersion, namedCharsMax);
    return invalid(`it offers protocol version ${named}; served are ${revisions.join(", ")}`);
  }
  const declared = cleanCapabilities(capabilities);
  if (declared === undefined) return invalid('"capabilities" must be an object');
  const described = handshakeCapabilities(declared);
  const description = toDescription(described, cleanInfo(serverInfo), instructions);
  return { kind: "ok", value: { revision: protocolVersion, description } };
}

function invalid(problem: string): UpstreamDecoded<never> {
  return { kind: "invalid", message: `Cannot take the server's initialize result: ${problem}` };
}
