/** The URL at which a client knows the gateway, which all URLs that it is given begin with. */

/** Finds the URL that a request was sent to, without a slash at the end. */
export type BaseUrl = (request: Request) => string;

/** Makes the function; `publicUrl` is used instead of the URL of the request. */
export function createBaseUrl(publicUrl: string | undefined): BaseUrl {
  return publicUrl === undefined ? usedUrl : () => publicUrl;
}

/** The guard has checked the Host; a proxy that terminates TLS says so in a header. */
function usedUrl({ headers }: Request): string {
  const scheme = headers.get("x-forwarded-proto") === "https" ? "https" : "http";
  return `${scheme}://${headers.get("host") ?? "localhost"}`;
}
