/**
 * Whether a URL leads to this gateway itself. Such a server would list the gateway's own tools
 * again, in an endless loop. Only names that need no look-up count. In other cases (a port that the
 * system chooses, DNS names, proxies) the HTTP layer recognises the gateway's own requests.
 */
import type { GatewayConfig } from "./config.ts";
import { isLoopback } from "./loopback.ts";

/** The addresses of this gateway, and of the proxies in front of it. */
export type OwnAddress = Pick<GatewayConfig, "host" | "port" | "publicUrl" | "trustedProxies">;

/** The reason for refusing such a server, after the place of its URL. */
export const leadsBack =
  "leads back to this gateway, which cannot be a server of its own; give the URL of the server itself, " +
  "or remove this one";

/** Whether a text holds a URL of this gateway. */
export function holdsOwnUrl(text: string, own: OwnAddress): boolean {
  return (text.match(/https?:\/\/[^\s"'<>]+/gi) ?? []).some((url) => isOwnUrl(url, own));
}

/** Whether this is a URL of this gateway. */
export function isOwnUrl(text: string, { host, port, publicUrl }: OwnAddress): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  if (publicUrl !== undefined && isBelow(url, new URL(publicUrl))) return true;
  const isSecure = url.protocol === "https:";
  return port !== 0 && Number(url.port || (isSecure ? 443 : 80)) === port &&
    isOwnHost(bareHost(url.hostname), bareHost(host));
}

/**
 * The proxy of a public address may serve other programs, too: only the gateway's own endpoints
 * count.
 */
const endpoint = /^(?:\/+(?:(?:mcp|sse|messages)\/*|(?:servers|profiles|search)\/.*)?)?$/;

function isBelow(url: URL, base: URL): boolean {
  const path = base.pathname.replace(/\/+$/, "");
  const rest = url.pathname.slice(path.length);
  return url.origin === base.origin && url.pathname.startsWith(path) && endpoint.test(rest);
}

/** Hosts that mean every address of this machine. */
const wildcards: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

function isOwnHost(host: string, own: string): boolean {
  if (host === own) return true;
  const isHere = isLoopback(host) || wildcards.has(host) || host.endsWith(".localhost");
  return isHere && (isLoopback(own) || wildcards.has(own));
}

/** A host in comparable form: without brackets and final dot, and IPv4 instead of IPv4 in IPv6. */
function bareHost(host: string): string {
  const bare = host.toLowerCase().replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(bare);
  if (mapped === null) return bare;
  const [high = 0, low = 0] = mapped.slice(1).map((part) => parseInt(part, 16));
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}
