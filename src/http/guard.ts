/**
 * The guard checks `Host`, the target's authority and `Origin` on every route and method, against
 * DNS rebinding and cross-site requests (Security Warning of the transports specification). The
 * listener's own loopback names are allowed, and literal addresses of this machine where other
 * machines can reach it; everything else must be listed. Also the CORS headers (Fetch standard
 * §3.2), for allowed origins only and never with credentials.
 */
import { addWithin } from "../bounded.ts";
import type { Clock } from "../clock.ts";
import type { GatewayConfig } from "../config/config.ts";
import { isLoopback } from "../config/loopback.ts";
import { GatewayError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import { argumentHeader, readHeaders, sentHeaders } from "../protocol/browser_headers.ts";
import type { HeaderPairs } from "./respond.ts";

/** The part of the configuration that decides. */
export type GuardConfig = Pick<
  GatewayConfig,
  "host" | "port" | "allowedHosts" | "allowedOrigins" | "publicUrl"
>;

/** How the guard learns the addresses of this machine. */
export interface GuardDeps {
  /** The IP addresses of this machine's interfaces at the moment. */
  readonly addresses: () => readonly string[];
  /** Whether web pages of every origin may read what is at a URL. Absent: at none. */
  readonly isForAnyPage?: ((url: string) => boolean) | undefined;
  /**
   * Whether pages of the host that a request names may use it, because this listener serves a page
   * itself. Absent: only those of listed origins.
   */
  readonly servesPages?: boolean | undefined;
  readonly clock: Clock;
  readonly limits: Limits;
}

/** Checks requests before anything else looks at them. */
export interface Guard {
  /**
   * Throws `host_forbidden`, `origin_forbidden` or, when malformed, `invalid_request`. For a
   * request that passes, returns the headers that let a browser read the response; undefined if no
   * browser sent the request.
   */
  admit(request: Request): HeaderPairs | undefined;
  /** Whether no page sent a request, or one that may use the gateway. */
  takesOrigin(request: Request): boolean;
  /** Headers of the answer to a preflight. */
  preflightHeaders(request: Request, methods: string): HeaderPairs;
}

const authorityForm = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?$/i;
const addressForm = /^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]+\])$/;
const loopbackNames = ["localhost", "127.0.0.1", "[::1]"];
/** Addresses that mean all interfaces are no names of this host. */
const wildcards = new Set(["0.0.0.0", "[::]", ""]);

/** A longer `Host` header with its URL is checked each time. */
const rememberedCharsMax = 256;

const requestHeaders = ["content-type", "accept", ...sentHeaders, "authorization"];
const exposedHeaders = [...readHeaders, "WWW-Authenticate", "Retry-After"].join(", ");
/** For what web pages of every origin may read. */
const anyPageHeaders: HeaderPairs = {
  "access-control-allow-origin": "*",
  "access-control-expose-headers": "ETag, WWW-Authenticate, Retry-After",
};

/** Makes the guard of one listener. */
export function createGuard(config: GuardConfig, deps: GuardDeps): Guard {
  const isListed = createHostRule(config);
  const isOwnAddress = isLoopback(config.host) ? () => false : createAddressRule(deps);
  const isOrigin = createOriginRule(config);

  /** Throws unless the name is allowed; true if it stays allowed for the life of this guard. */
  const isForGood = (authority: string, defaultPort: string): boolean => {
    const match = authorityForm.exec(authority);
    if (match === null) {
      throw new GatewayError("invalid_request", "Cannot read the Host header: expected host:port");
    }
    const name = (match[1] ?? "").toLowerCase();
    const port = match[2] ?? defaultPort;
    if (isListed(name, port)) return true;
    if (!isOwnAddress(name)) throw new GatewayError("host_forbidden");
    // The addresses of this machine can change.
    return false;
  };
  /** Exact `Host` headers with URLs that passed for good, so that they are not parsed again. */
  const remembered = new Set<string>();
  const assertTarget = (host: string, url: string): void => {
    const key = `${host} ${url}`;
    if (remembered.has(key)) return;
    const { scheme, authority } = targetOf(url);
    const defaultPort = scheme === "https" ? "443" : "80";
    // Two Host headers arrive joined by a comma and are malformed with it.
    const isHostGood = isForGood(host, defaultPort);
    const isTargetGood = isForGood(authority, defaultPort);
    if (isHostGood && isTargetGood && key.length <= rememberedCharsMax) {
      addWithin(remembered, key, deps.limits.rememberedHeadersMax);
    }
  };

  return {
    admit({ url, headers }) {
      assertTarget(headers.get("host") ?? "", url);
      const origin = headers.get("origin");
      if (origin === null) return undefined;
      if (deps.isForAnyPage?.(url) === true) return anyPageHeaders;
      const isOwn = deps.servesPages === true && isOriginOf(headers.get("host") ?? "", origin);
      if (!isOwn && !isOrigin(origin)) throw new GatewayError("origin_forbidden");
      return {
        "access-control-allow-origin": origin,
        "access-control-expose-headers": exposedHeaders,
        vary: "Origin",
      };
    },
    takesOrigin({ headers }) {
      const origin = headers.get("origin");
      return origin === null || isOrigin(origin);
    },
    preflightHeaders(request, methods) {
      if (request.headers.get("origin") === null) return { allow: methods };
      const conditional = deps.isForAnyPage?.(request.url) === true ? ["if-none-match"] : [];
      const headers = [...requestHeaders, ...conditional, ...argumentHeaders(request)];
      return {
        allow: methods,
        "access-control-allow-methods": methods,
        "access-control-allow-headers": headers.join(", "),
        "access-control-max-age": "600",
      };
    },
  };
}

/** Those that a preflight asks for; a list of names cannot be given, nor a wildcard within one. */
function argumentHeaders({ headers }: Request): string[] {
  const wanted = headers.get("access-control-request-headers") ?? "";
  return wanted.split(",").map((name) => name.trim()).filter((name) => argumentHeader.test(name));
}

/** A name and port as a browser writes them in an origin. */
function toOrigin(scheme: string, name: string, port: string): string {
  const isDefault = port === (scheme === "https" ? "443" : "80");
  return isDefault ? `${scheme}://${name}` : `${scheme}://${name}:${port}`;
}

/** The names by which this listener knows itself. */
function ownNames(host: string): string[] {
  const name = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
  const names = wildcards.has(name) ? loopbackNames : [...loopbackNames, name.toLowerCase()];
  return [...new Set(names)];
}

/** Whether own names are good with any port: it is not known, or a proxy in front has another. */
function takesAnyPort(config: GuardConfig): boolean {
  return config.port === 0 || config.publicUrl !== undefined;
}

function createHostRule(config: GuardConfig): (name: string, port: string) => boolean {
  const exact = new Set<string>();
  const anyPort = new Set<string>();
  for (const name of ownNames(config.host)) {
    if (takesAnyPort(config)) anyPort.add(name);
    else exact.add(`${name}:${config.port}`);
  }
  for (const listed of config.allowedHosts) {
    const match = authorityForm.exec(listed);
    const name = (match?.[1] ?? listed).toLowerCase();
    if (match?.[2] === undefined) anyPort.add(name);
    else exact.add(`${name}:${match[2]}`);
  }
  if (config.publicUrl !== undefined) {
    const { hostname, port, protocol } = new URL(config.publicUrl);
    exact.add(`${hostname}:${port || (protocol === "https:" ? "443" : "80")}`);
    // A proxy that ends TLS passes the name on, without the scheme and in some cases the port.
    exact.add(`${hostname}:80`);
  }
  return (name, port) => exact.has(`${name}:${port}`) || anyPort.has(name);
}

/**
 * Whether a host is a literal address of this machine, as in the probe of a container's `/health`.
 * A foreign page cannot make a browser send one: with DNS rebinding the Host is still a name. Any
 * port will do, since containers map ports.
 */
function createAddressRule({ addresses, clock, limits }: GuardDeps): (name: string) => boolean {
  let known: ReadonlySet<string> = new Set();
  let readAt = -Infinity;
  return (name) => {
    if (!addressForm.test(name)) return false;
    if (clock.monotonic() - readAt >= limits.addressesMs) {
      known = new Set(addresses().map(toLiteral));
      readAt = clock.monotonic();
    }
    return known.has(toLiteral(name));
  };
}

/** An address as a URL shows it: IPv6 in brackets and shortened; `127.1` and the like stay. */
function toLiteral(address: string): string {
  if (!address.includes(":")) return address;
  const url = `http://${address.startsWith("[") ? address : `[${address}]`}`;
  return URL.canParse(url) ? new URL(url).hostname : address;
}

function createOriginRule(config: GuardConfig): (origin: string) => boolean {
  const exact = new Set<string>();
  const anyPort = new Set<string>();
  for (const name of ownNames(config.host)) {
    if (takesAnyPort(config)) anyPort.add(`http://${name}`);
    else exact.add(toOrigin("http", name, String(config.port)));
  }
  for (const listed of config.allowedOrigins) exact.add(listed.toLowerCase().replace(/\/$/, ""));
  if (config.publicUrl !== undefined) exact.add(new URL(config.publicUrl).origin);
  // `Origin: null` does not identify the page that sends it.
  exact.delete("null");
  return (origin) => exact.has(origin) || anyPort.has(origin.replace(/:\d{1,5}$/, ""));
}

/** Whether an origin is that of a host, which was checked before; a proxy may end TLS. */
function isOriginOf(host: string, origin: string): boolean {
  return origin === `http://${host.toLowerCase()}` || origin === `https://${host.toLowerCase()}`;
}

/** Scheme and authority of a request's URL, as text: parsing it would normalise what is checked. */
function targetOf(url: string): { scheme: string; authority: string } {
  const start = url.indexOf("://");
  if (start < 0) return { scheme: "", authority: "" };
  const rest = url.slice(start + 3);
  const end = rest.search(/[/?#]/);
  return {
    scheme: url.slice(0, start).toLowerCase(),
    authority: end < 0 ? rest : rest.slice(0, end),
  };
}
