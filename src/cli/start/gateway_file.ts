/**
 * The file by which other programs of the same account find a running gateway: `gateway.json` in
 * its data folder. A killed gateway leaves it, so a reader checks that the process still is the
 * gateway of the file; the next gateway on the folder replaces it.
 */
import * as v from "valibot";

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
export const gatewayFileMode = 0o600;

/** The path of the file in a data folder. */
export function gatewayFilePath(dataDirectory: string): string {
  return `${dataDirectory}/gateway.json`;
}
