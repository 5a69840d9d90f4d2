/**
 * The envelope that every message of the stateless era has in `_meta`: its keys, reading a client's
 * and writing the gateway's. Follows "`_meta`" of basic/index and the capabilities of 2026-07-28.
 */
import * as v from "valibot";
import { putWithin } from "../../bounded.ts";
import { GatewayError } from "../../errors.ts";
import { type JsonObject, type LogLevel, logLevels } from "../../model.ts";
import { defaultLimits } from "../../limits.ts";
import { boundedObject } from "../bounds.ts";
import { isJsonObject } from "../jsonrpc.ts";
import { withMembers } from "../../source_text.ts";

const { rememberedEnvelopesMax, rememberedEnvelopeCharsMax } = defaultLimits;
const prefix = "io.modelcontextprotocol/";

/** The names of the envelope's members. */
export const envelopeKeys = {
  revision: `${prefix}protocolVersion`,
  capabilities: `${prefix}clientCapabilities`,
  clientInfo: `${prefix}clientInfo`,
  logLevel: `${prefix}logLevel`,
  serverInfo: `${prefix}serverInfo`,
  subscription: `${prefix}subscriptionId`,
} as const;

/** The envelope of a request, which describes its client. */
export interface Envelope {
  readonly revision: string;
  readonly capabilities: JsonObject;
  /** Empty if the client does not name itself, which is optional. */
  readonly clientInfo: JsonObject;
  readonly logLevel?: LogLevel | undefined;
}

const schema = v.object({
  [envelopeKeys.revision]: v.string("must be a string"),
  [envelopeKeys.capabilities]: boundedObject(defaultLimits.clientCapabilitiesBytesMax),
  [envelopeKeys.clientInfo]: v.optional(boundedObject(defaultLimits.clientInfoBytesMax)),
  [envelopeKeys.logLevel]: v.optional(
    v.picklist(logLevels, `must be one of ${logLevels.join(", ")}`),
  ),
});

/**
 * Adds members to a result, and the gateway's name as its server, whichever upstream produced it.
 */
export function signed(
  result: JsonObject,
  identity: JsonObject,
  added: JsonObject = {},
): JsonObject {
  const meta = isJsonObject(result._meta) ? result._meta : {};
  return withMembers(result, {
    ...added,
    _meta: { ...meta, [envelopeKeys.serverInfo]: identity },
  });
}

/** Whether params claim this era by naming a revision in `_meta`. */
export function hasClaim(params: unknown): boolean {
  const meta = isJsonObject(params) ? params._meta : undefined;
  return isJsonObject(meta) && meta[envelopeKeys.revision] !== undefined;
}

/**
 * Envelopes that were read, by the text of their members. A client sends the same envelope with
 * each request, so most requests are spared its checks.
 */
const remembered = new Map<string, Envelope>();

/** The text by which the envelope in `_meta` is remembered; undefined if it is too long. */
export function envelopeText(params: JsonObject): string | undefined {
  const meta = params._meta;
  if (!isJsonObject(meta)) return undefined;
  // A missing member must not look like one that is null.
  const text = JSON.stringify({
    revision: meta[envelopeKeys.revision],
    capabilities: meta[envelopeKeys.capabilities],
    clientInfo: meta[envelopeKeys.clientInfo],
    logLevel: meta[envelopeKeys.logLevel],
  });
  return text.length <= rememberedEnvelopeCharsMax ? text : undefined;
}

/** The envelope with this text, if it was read before. */
export function knownEnvelope(text: string | undefined): Envelope | undefined {
  return text === undefined ? undefined : remembered.get(text);
}

/** Remembers a good envelope; the oldest one is forgotten if there are too many. */
export function rememberEnvelope(text: string | undefined, envelope: Envelope): void {
  if (text !== undefined) putWithin(remembered, text, envelope, rememberedEnvelopesMax);
}

/** Params without the members of the envelope that was read from them. */
export function withoutEnvelope(params: JsonObject): JsonObject {
  const { _meta, ...others } = params;
  const {
    [envelopeKeys.revision]: _revision,
    [envelopeKeys.capabilities]: _capabilities,
    [envelopeKeys.clientInfo]: _clientInfo,
    [envelopeKeys.logLevel]: _logLevel,
    ...rest
  } = _meta as JsonObject;
  for (const _key in rest) return { ...others, _meta: rest };
  return others;
}

/** How the client of a request calls itself, as far as the request says it: it may have no envelope. */
export function clientIn({ _meta }: JsonObject): JsonObject {
  const named = isJsonObject(_meta) ? _meta[envelopeKeys.clientInfo] : undefined;
  return isJsonObject(named) ? named as JsonObject : {};
}

/** The envelope of a request; throws `envelope_invalid`, which names the fault. */
export function readEnvelope(params: JsonObject): Envelope {
  const meta = isJsonObject(params._meta) ? params._meta : {};
  const checked = v.safeParse(schema, meta, { abortEarly: true });
  if (!checked.success) {
    const [issue] = checked.issues;
    const key = String(issue.path?.[0]?.key ?? "");
    const problem = issue.received === "undefined" ? "is missing" : issue.message;
    throw new GatewayError(
      "envelope_invalid",
      `Cannot take the request: params._meta["${key}"] ${problem}`,
    );
  }
  return {
    revision: meta[envelopeKeys.revision] as string,
    capabilities: meta[envelopeKeys.capabilities] as JsonObject,
    clientInfo: (meta[envelopeKeys.clientInfo] ?? {}) as JsonObject,
    logLevel: meta[envelopeKeys.logLevel] as LogLevel | undefined,
  };
}
