/** What the parts of a bridge share. Types only. */
import type { Limits } from "../../limits.ts";
import type { GatewayHttp } from "./gateway_http.ts";
import type { LineOutput } from "./line_output.ts";
import type { ClientRequests } from "./client_requests.ts";

/** What both eras work with. */
export interface Bridge {
  readonly http: GatewayHttp;
  readonly out: LineOutput;
  readonly limits: Limits;
  readonly note: (line: string) => void;
  readonly open: ClientRequests;
  /** Aborts when the bridge ends: what is still under way is left. */
  readonly closing: AbortSignal;
}
