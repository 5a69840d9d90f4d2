/** Hosts to listen on: what the system gets, and the URL by which this machine reaches them. */

/** Whether a host means all addresses of this machine. */
export function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

/**
 * The host for the system. Where "localhost" is ::1 first, clients that use 127.0.0.1 would find no
 * server.
 */
export function bindHost(host: string): string {
  return host.toLowerCase() === "localhost" ? "127.0.0.1" : host;
}

/** The URL of a listener, without a path. */
export function toUrl(host: string, port: number): string {
  const name = isWildcard(host) ? "localhost" : host.includes(":") ? `[${host}]` : host;
  return `http://${name}:${port}`;
}
