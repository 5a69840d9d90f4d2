/**
 * The file by which other programs of the same account find a running gateway: `gateway.json` in
 * its data folder. A killed gateway leaves it, so a reader checks that the process still is the
 * gateway of the file; the next gateway on the folder replaces it.
 */
import * as v from "valibot";
import type { GatewayHandle } from "../../app.ts";
import type { GatewayConfig } from "../../config/config.ts";
import type { System } from "../../runtime/system.ts";
import { noDirectory } from "../../config/places.ts";
import { identity } from "../../version.ts";

/** The form of the file. */
export const gatewayFileForm = v.object({
  pid: v.number(),
  /** The base of the MCP endpoints, without a path. */
  url: v.string(),
  /** The base of the admin API, without a path. Absent: it is off. */
  adminUrl: v.optional(v.string()),
  version: v.string(),
  startedAt: v.string(),
  instance: v.string(),
});

/** What the file says. */
export type GatewayFile = v.InferOutput<typeof gatewayFileForm>;

/** Only the account of the gateway may read it. */
const gatewayFileMode = 0o600;

/** The path of the file in a data folder. */
export function gatewayFilePath(dataDirectory: string): string {
  return `${dataDirectory}/gateway.json`;
}

/**
 * Writes the file of a running gateway, in the background: without it the gateway serves, and only
 * other programs do not find it. The returned function removes the file and must be called before
 * the gateway releases its data folder, because the next gateway writes its own.
 */
export function announceGateway(
  system: System,
  { log, instance }: Pick<GatewayHandle, "log" | "instance">,
  { dataDirectory }: Pick<GatewayConfig, "dataDirectory">,
  addresses: Pick<GatewayFile, "startedAt" | "url" | "adminUrl">,
): () => Promise<void> {
  if (dataDirectory === noDirectory) return () => Promise.resolve();
  const { version } = identity;
  const file: GatewayFile = { pid: system.pid, ...addresses, version, instance };
  const path = gatewayFilePath(dataDirectory);
  const text = `${JSON.stringify(file, null, 2)}\n`;
  const written = system.replaceFile(path, text, gatewayFileMode).catch((fault) => {
    log.error("Cannot write gateway.json: the command line will not find this gateway", { fault });
  });
  return async () => {
    await written;
    system.removeFile(path);
  };
}
