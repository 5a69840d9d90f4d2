/** The audit trail of a gateway, in its data directory. */
import { auditPath, noDirectory } from "../config/places.ts";
import { createKeyedDigest } from "../keyed_digest.ts";
import { type Audit, startAudit } from "../telemetry/audit_trail.ts";
import type { GatewayParts } from "./parts.ts";

/** Begins to record; undefined if the configuration wants no audit trail, or there is no place. */
export async function openAudit(parts: GatewayParts): Promise<Audit | undefined> {
  const { options: { config, runtime }, opened, events, clock, limits, log, instance } = parts;
  const { audit: mode = "off", dataDirectory } = config;
  if (mode === "off") return undefined;
  if (dataDirectory === noDirectory) {
    log.warn(
      "There is no audit trail: without a data directory there is no place for audit.log; " +
        "set MCP_DATA_DIR to a folder",
    );
    return undefined;
  }
  const { auditBytesMax: bytesMax, auditFilesMax: filesMax } = limits;
  const { auditTextCharsMax: charsMax, auditTextsMax: textsMax } = limits;
  return startAudit({
    events,
    clock,
    limits,
    instance,
    file: runtime.openLog(auditPath(dataDirectory), { bytesMax, filesMax }),
    showsArguments: mode === "arguments",
    // A key of its own, which opens nothing that the gateway sealed.
    digest: createKeyedDigest(await opened.sealer.digest("audit arguments")),
    quote: log.jsonTexts(charsMax, textsMax),
    secretsKnown: log.secretsKnown,
    toJson: log.toJson,
    log: log.source("audit"),
  });
}
