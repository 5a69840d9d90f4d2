/** One HTTP call to a remote server, as its maker describes it. Types only. */
import type { Authorization, CredentialUse, SecurityContext } from "./authorization.ts";

/** One call. */
export interface HttpRequest {
  readonly url: string;
  readonly method: string;
  /** Of this request; they win over those of the configuration. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** The request for what is shown, where that changes it: asked before each attempt. */
  readonly prepare?:
    | ((context: SecurityContext) => Pick<HttpRequest, "url" | "headers" | "body">)
    | undefined;
  /** From the first attempt to the end of the body; 0: the body may stand open. */
  readonly timeoutMs: number;
  /**
   * Until the head of the answer, retries included; absent: `timeoutMs`, or `responseMs` where that
   * is 0.
   */
  readonly headMs?: number | undefined;
  /** Whether making it twice does no more than making it once. */
  readonly repeatable: boolean;
  /** Whether what comes of it says nothing about other requests: the circuit has no part in it. */
  readonly aside?: boolean | undefined;
  /** No redirect is followed: what is sent is for this URL alone. */
  readonly final?: boolean | undefined;
  /** Absent: one for all, and no tool's call. */
  readonly use?: CredentialUse | undefined;
  /** In the place of the server's usual one. */
  readonly authorization?: Authorization | undefined;
}
