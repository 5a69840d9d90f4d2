/** The open requests of one peer, as the code that reads its messages sees them. Types only. */
import type { RequestId } from "../../model.ts";
import type { CallTimeout } from "./call_timeout.ts";
import type { LinkRequest } from "./link.ts";

/** A request that waits for its answer. */
export interface Pending extends LinkRequest {
  readonly clock: CallTimeout;
  /** Whether the server has said something of it. */
  isHeardOf?: boolean;
}

/** The requests, and what can become of them. */
export interface OpenRequests {
  readonly pending: ReadonlyMap<RequestId, Pending>;
  /** Abandoned requests: late answers to them are no fault of the server. */
  readonly givenUp: Set<RequestId>;
  /** The last id that was given to a request. */
  readonly lastId: () => number;
  /** A request's answer cannot be used; `why` follows what is said of it. */
  readonly failBadly: (id: RequestId, why: string) => void;
  /** The server certainly writes something other than messages; `line` may show it. */
  readonly misspoken: (why: string, line?: string) => void;
}
