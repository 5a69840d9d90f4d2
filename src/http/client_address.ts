/**
 * Where a request comes from. Without a proxy that is the peer of the connection. Behind trusted
 * proxies (`MCP_TRUSTED_PROXIES`) their forwarding headers say it: `X-Forwarded-For` and
 * `X-Forwarded-Proto`, or `Forwarded` (RFC 7239). Each proxy appends the peer that it sees, so the
 * right-most address that is no trusted proxy is the client's; what stands left of it is the
 * client's own word. The headers of an untrusted peer are ignored. They grant nothing else.
 */
import {
  type AddressBlock,
  holds,
  normalAddress,
  parseAddress,
  parseBlock,
} from "../ip_address.ts";
import type { FetchContext } from "../runtime/runtime.ts";

/**
 * The address of the client that sent a request, in one spelling (IPv4 within IPv6 as IPv4);
 * undefined if the listener does not know it. If a trusted proxy does not say it, or its two
 * headers disagree, the address is the proxy's.
 */
export type ClientAddress = (request: Request, fetchContext: FetchContext) => string | undefined;

/** How requests reach the gateway. */
export interface Forwarding {
  readonly clientAddress: ClientAddress;
  /** Whether a trusted proxy says that it got the request by https. */
  isSecure(request: Request, fetchContext: FetchContext): boolean;
}

/** Addresses from the nearest peer to the client; undefined: a hop that is hidden or malformed. */
type Hops = readonly (string | undefined)[];

/** Makes the functions; `trusted` are addresses and blocks, checked when the configuration is read. */
export function createForwarding(trusted: readonly string[] = []): Forwarding {
  const blocks = trusted.map(parseBlock).filter((block) => block !== undefined);
  const clientAddress: ClientAddress = ({ headers }, fetchContext) => {
    const { remoteAddress } = fetchContext;
    const peer = remoteAddress && normalAddress(remoteAddress);
    if (!isTrusted(blocks, peer)) return peer;
    const told = [forwardedForOf(headers), forwardedOf(headers).map(addressOf)]
      .filter((hops) => hops.length > 0)
      .map((hops) => clientAmong(blocks, peer, hops));
    const [client = peer, ...others] = told;
    // One of the headers may be the client's own, which the proxy passed on.
    return others.every((other) => other === client) ? client : peer;
  };
  return {
    clientAddress,
    isSecure({ headers }, fetchContext) {
      if (blocks.length === 0) return false;
      const peer = fetchContext.remoteAddress && normalAddress(fetchContext.remoteAddress);
      if (!isTrusted(blocks, peer)) return false;
      const told = [
        headers.get("x-forwarded-proto")?.split(",").at(-1)?.trim().toLowerCase(),
        forwardedOf(headers)[0]?.proto,
      ].filter((scheme) => scheme !== undefined);
      return told.length > 0 && told.every((scheme) => scheme === "https");
    },
  };
}

function isTrusted(
  blocks: readonly AddressBlock[],
  address: string | undefined,
): address is string {
  const bytes = address === undefined ? undefined : parseAddress(address);
  return bytes !== undefined && blocks.some((block) => holds(block, bytes));
}

/** The first hop that is no trusted proxy; the farthest known one where a hop is hidden. */
function clientAmong(blocks: readonly AddressBlock[], peer: string, hops: Hops): string {
  let known = peer;
  for (const hop of hops) {
    if (hop === undefined) return known;
    known = hop;
    if (!isTrusted(blocks, hop)) return known;
  }
  return known;
}

function forwardedForOf(headers: Headers): Hops {
  const text = headers.get("x-forwarded-for");
  return text === null ? [] : text.split(",").reverse().map((hop) => toAddress(hop.trim()));
}

/** One element of `Forwarded`: parameters in lower case. */
type ForwardedHop = Readonly<Record<string, string>>;

/** RFC 7239, 4: from the nearest hop to the client. Empty where a part is malformed. */
function forwardedOf(headers: Headers): ForwardedHop[] {
  const text = headers.get("forwarded");
  if (text === null) return [];
  const elements = splitOutside(text, ",").reverse();
  return elements.map((element) =>
    Object.fromEntries(
      splitOutside(element, ";").map((pair) => {
        const [name = "", ...value] = pair.split("=");
        return [name.trim().toLowerCase(), unquoted(value.join("=").trim()).toLowerCase()];
      }),
    )
  );
}

function addressOf({ for: node }: ForwardedHop): string | undefined {
  return node === undefined ? undefined : toAddress(node);
}

/** Splits at a character that stands outside of quotes. */
function splitOutside(text: string, separator: "," | ";"): string[] {
  const parts = text.match(
    separator === "," ? /(?:"(?:[^"\\]|\\.)*"|[^,"])+/g : /(?:"(?:[^"\\]|\\.)*"|[^;"])+/g,
  );
  return parts ?? [];
}

function unquoted(text: string): string {
  return /^".*"$/.test(text) ? text.slice(1, -1).replace(/\\(.)/g, "$1") : text;
}

/** The address of a hop, without its port: `a.b.c.d:port`, `[v6]:port`. */
function toAddress(hop: string): string | undefined {
  const bare = /^\[([^\]]+)\](?::\w+)?$/.exec(hop)?.[1] ??
    /^([\d.]+):\w+$/.exec(hop)?.[1] ?? hop;
  return normalAddress(bare);
}
