/** The addresses of this machine's network interfaces, by `node:os`, which all runtimes share. */
import { networkInterfaces } from "node:os";

/** The current IP addresses, without scopes; none if the system does not report them. */
export function readAddresses(): string[] {
  try {
    return Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
      .map(({ address }) => address.replace(/%.*$/, ""));
  } catch {
    return [];
  }
}
