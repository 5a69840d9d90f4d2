/**
 * The envelope that every message of the stateless era has in `_meta`: its keys, reading a client's
 * and writing the gateway's. Follows "`_meta`" of basic/index and the capabilities of 2026-07-28.
 */
import * as v from "valibot";
import { GatewayError } from "../../errors.ts";
import { type JsonObject, type LogLevel, logLevels } from "../../model.ts";
import { defaultLimits } from "../../limits.ts";
import { boundedObject } from "../bounds.ts";
import { isJsonObject } from "../jsonrpc.ts";
import { withMembers } from "../source_text.ts";

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

/** Adds the gateway's name to a result as its server, whichever upstream produced it. */
export function signed(result: JsonObject, identity: JsonObject): JsonObject {
  const meta = isJsonObject(result._meta) ? result._meta : {};
  return withMembers(result, {
    _meta: { ...meta, [envelopeKeys.serverInfo]: { ...identity } },
  });
}

/** Whether params claim this era by naming a revision in `_meta`. */
export function hasClaim(params: unknown): boolean {
  const meta = isJsonObject(params) ? params._meta : undefined;
  return isJsonObject(meta) && meta[envelopeKeys.revision] !== undefined;
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
