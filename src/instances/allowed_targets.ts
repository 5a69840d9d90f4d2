/**
 * Where this instance may send a client's requests: a row of the shared table alone must not direct
 * a call. Hosts are compared by their names, addresses by their networks.
 */
import { type AddressBlock, holds, parseAddress, parseBlock } from "../ip_address.ts";

/** The targets if the configuration names none: this machine. */
export const loopbackTargets: readonly string[] = ["127.0.0.0/8", "::1"];

/** What is allowed. */
export interface AllowedTargets {
  /** Why a base URL is not allowed, whatever its address is; undefined if its address decides. */
  refuse(url: string): string | undefined;
  /** Whether a connection for this URL may go to this address. */
  allows(url: string, address: string): boolean;
}

/** Reads hosts and networks; an item that is no network is the name of a host. */
export function createAllowedTargets(items: readonly string[]): AllowedTargets {
  const blocks: AddressBlock[] = [];
  const hosts = new Set<string>();
  for (const item of items) {
    const block = parseBlock(item);
    if (block === undefined) hosts.add(item.toLowerCase());
    else blocks.push(block);
  }
  const isIn = (address: string): boolean => {
    const bytes = parseAddress(address);
    return bytes !== undefined && blocks.some((block) => holds(block, bytes));
  };
  return {
    refuse(url) {
      const host = hostOf(url);
      if (host === undefined) return "it is not a plain http URL";
      if (hosts.has(host) || parseAddress(host) === undefined || isIn(host)) return undefined;
      return "MCP_INTERNAL_ALLOW does not name it";
    },
    allows(url, address) {
      const host = hostOf(url);
      return host !== undefined && (hosts.has(host) || isIn(address));
    },
  };
}

/** The host of a base URL that an instance may have; undefined for any other URL. */
function hostOf(url: string): string | undefined {
  try {
    const { protocol, hostname, username, password, pathname, search, hash } = new URL(url);
    const isPlain = protocol === "http:" && `${username}${password}${search}${hash}` === "" &&
      pathname === "/";
    return isPlain ? hostname.replace(/^\[|\]$/g, "").toLowerCase() : undefined;
  } catch {
    return undefined;
  }
}
