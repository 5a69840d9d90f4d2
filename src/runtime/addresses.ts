/** The addresses of this machine's network interfaces, by `node:os`, which Bun and Deno share. */
import { networkInterfaces } from "node:os";

/** The IP addresses of now, without scopes; none where the system does not tell. */
export function readAddresses(): string[] {
  try {
    return Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
      .map(({ address }) => address.replace(/%.*$/, ""));
  } catch {
    return [];
  }
}
