/** What of a client's request goes to another instance. */
import type { ForwardedRequest } from "../instances/forwarded_request.ts";
import { sentHeaders } from "../protocol/browser_headers.ts";
import { sessionHeader } from "./legacy/owned_key.ts";
import type { RequestContext } from "./request_context.ts";

/** What of a request's headers decides its answer; its credentials and origin have been checked. */
const passedHeaders: ReadonlySet<string> = new Set([
  ...sentHeaders,
  "accept",
  "content-type",
  "user-agent",
]);

/** What is passed on; `names`: with the session that it is for. */
export function toForwarded(
  { request, fetchContext, principal, consumer, path }: RequestContext,
  body: string | undefined,
  mayTake: boolean,
  names: boolean,
): ForwardedRequest {
  const headers = Object.fromEntries(
    [...request.headers].filter(([name]) =>
      (passedHeaders.has(name) || name.startsWith("mcp-")) && (names || name !== sessionHeader)
    ),
  );
  return {
    method: request.method,
    path: `${path}${new URL(request.url).search}`,
    headers,
    principal,
    consumer,
    remoteAddress: fetchContext.remoteAddress,
    isHeldOpen: fetchContext.holdOpen !== undefined,
    mayTake,
    body,
  };
}
