/** One HTTP request to a surface, as the bindings see it. Types only. */
import type { FetchContext } from "../runtime/runtime.ts";

/** One HTTP request to a surface. */
export interface RequestContext {
  readonly request: Request;
  readonly fetchContext: FetchContext;
  readonly surface: string;
  /** The request's path as it came, without a slash at the end. */
  readonly path: string;
  /** Throws when new work is not taken now. */
  readonly assertOpen: () => void;
  /** The body as a JSON value, once. */
  readonly readJson: () => Promise<unknown>;
}
