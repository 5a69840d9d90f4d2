/**
 * What a server gets to know of the client for which it works: what that client can be asked and,
 * where the operator wants it, its name. A process that several clients share works for none of
 * them alone.
 */
import type { McpServerConfig } from "../../config/config.ts";
import { ofHandshake, variantOf } from "../../extensions.ts";
import { defaultLimits } from "../../limits.ts";
import type { Caller, JsonObject } from "../../model.ts";
import { oneLine } from "../../one_line.ts";
import type { ClientContext } from "../../protocol/codec.ts";
import {
  plainCapabilities,
  relayableCapabilities,
} from "../../protocol/shared/relayed_capabilities.ts";
import type { Dialect, HandshakeOptions } from "./dialect.ts";

/**
 * What the gateway declares to a server at its start: what the server may ask of its client, and
 * the extensions that pass. A process that all clients share gets no extensions.
 */
export function declaredCapabilities(
  config: Pick<McpServerConfig, "isolation" | "roots">,
  caller: Caller,
): JsonObject {
  const askable = askableCapabilities(config, caller);
  if (config.isolation === "shared") return askable;
  return withExtensions(askable, { extensions: ofHandshake(caller.extensions ?? {}) });
}

/**
 * What a server may ask of the client for whom it is started: of a session's client what can be
 * relayed, of the many clients of a shared process nothing, and roots when the operator decides on
 * them. Clients that share a process by what they declare, or by their principal, are declared in
 * the fewest words.
 */
export function askableCapabilities(
  { isolation, roots }: Pick<McpServerConfig, "isolation" | "roots">,
  { capabilities, sharesScope }: Caller,
): JsonObject {
  if (isolation === "shared") return withRoots(roots, {});
  const relayed = sharesScope === true || isolation === "principal"
    ? plainCapabilities(capabilities)
    : relayableCapabilities(capabilities);
  return withRoots(roots, relayed);
}

/** On whose behalf a caller's request is made; undefined where the handshake has said so. */
export function clientContextOf(
  dialect: Dialect,
  config: Pick<McpServerConfig, "roots" | "isolation" | "identify">,
  caller: Caller,
): ClientContext | undefined {
  if (dialect.clientContext === "handshake") return undefined;
  // This request alone declares them, however many callers share the connection.
  const askable = withRoots(config.roots, relayableCapabilities(caller.capabilities));
  const capabilities = withExtensions(askable, caller);
  const clientTitle = titleOf(config, caller);
  return { capabilities, logLevel: caller.logLevel, clientTitle };
}

/**
 * With what a list is asked for that many callers share: the extensions alone, on which lists may
 * depend. Undefined where the handshake has said so, or there is nothing to say.
 */
export function listContextOf(
  { clientContext }: Dialect,
  caller: Pick<Caller, "extensions">,
): ClientContext | undefined {
  if (clientContext === "handshake" || variantOf(caller) === "") return undefined;
  return { capabilities: withExtensions({}, caller) };
}

/**
 * What a server hears at its start of the client for whom it works. A process that several clients
 * share, or all requests of a principal, works for none of them alone, so it hears no name.
 */
export function clientShownTo(
  config: Pick<McpServerConfig, "isolation" | "identify" | "roots">,
  caller: Caller,
): Pick<HandshakeOptions, "capabilities" | "clientTitle"> {
  const capabilities = declaredCapabilities(config, caller);
  return caller.sharesScope === true || config.isolation === "principal"
    ? { capabilities }
    : { capabilities, clientTitle: titleOf(config, caller) };
}

/** The client's name for a server that may get it, next to the gateway's own. */
function titleOf(
  { isolation, identify }: Pick<McpServerConfig, "isolation" | "identify">,
  { clientInfo: { title, name } }: Caller,
): string | undefined {
  if (!identify || isolation === "shared") return undefined;
  const texts = [title, name].filter((text) => typeof text === "string");
  return texts.map((text) => oneLine(text, defaultLimits.clientTitleCharsMax))
    .find((text) => text !== "");
}

function withExtensions(
  capabilities: JsonObject,
  { extensions }: Pick<Caller, "extensions">,
): JsonObject {
  return variantOf({ extensions }) === "" ? capabilities : { ...capabilities, extensions };
}

function withRoots(roots: McpServerConfig["roots"], relayed: JsonObject): JsonObject {
  if (roots === "relay") return relayed;
  const { roots: _, ...others } = relayed;
  return roots === "none" ? others : { ...others, roots: {} };
}
