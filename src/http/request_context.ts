/** One HTTP request to a surface, as the bindings see it. Types only. */
import type { Principal } from "../model.ts";
import type { FetchContext } from "../runtime/runtime.ts";

/** One HTTP request that the guard let in; who makes it is not known. */
export interface OpenContext {
  readonly request: Request;
  readonly fetchContext: FetchContext;
  /** The request's path as it came, without a slash at the end. */
  readonly path: string;
}

/** One HTTP request of a principal to a surface. */
export interface RequestContext extends OpenContext {
  readonly principal: Principal;
  /** The client whose share of bounded things the request takes (consumers.ts). */
  readonly consumer: string;
  readonly surface: string;
  /**
   * Throws when new work is not taken now. `goesOn`: the request returns to a call that began before,
   * which is taken while the gateway stops, too.
   */
  assertOpen(goesOn?: boolean): void;
  /** The body as a JSON value, once. */
  readJson(): Promise<unknown>;
  /**
   * The answer of another instance; undefined if it is this one, or is gone. `body`: what the client
   * sent.
   */
  askInstance?(name: string, body: unknown): Promise<Response | undefined> | undefined;
}
