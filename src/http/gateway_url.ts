/** The URL at which a client knows the gateway, which all URLs that it is given begin with. */
import type { FetchContext } from "../runtime/runtime.ts";
import type { Forwarding } from "./client_address.ts";

/** Finds the URL that a request was sent to, without a slash at the end. */
export type BaseUrl = (request: Request, fetchContext: FetchContext) => string;

/** What all paths below a URL begin with: its own path without a slash at the end. */
export function pathPrefix(url: string | URL | undefined): string {
  return url === undefined ? "" : new URL(url).pathname.replace(/\/$/, "");
}

/** Makes the function; `publicUrl` is used instead of the URL of the request. */
export function createBaseUrl(publicUrl: string | undefined, { isSecure }: Forwarding): BaseUrl {
  if (publicUrl !== undefined) return () => publicUrl;
  // The guard has checked the Host.
  return (request, fetchContext) => {
    const scheme = isSecure(request, fetchContext) ? "https" : "http";
    return `${scheme}://${request.headers.get("host") ?? "localhost"}`;
  };
}
