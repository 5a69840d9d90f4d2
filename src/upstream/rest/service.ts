/**
 * A web API in the engine's form, which both a recipe (from_recipe.ts) and an OpenAPI document
 * (openapi/) become. An operation is a tool. How its arguments become a request and its answer a
 * result is data here; the other files of this folder do the work. Types only.
 */
import type { JsonObject } from "../../model.ts";

/** One service. */
export interface Service {
  readonly title: string;
  readonly version?: string | undefined;
  /** For the model, about the service as a whole. */
  readonly instructions?: string | undefined;
  /** Absolute, without query, fragment and trailing slash; no request leaves it. */
  readonly baseUrl: string;
  /** Requests of all clients together. */
  readonly budget?: { readonly requests: number; readonly perMs: number } | undefined;
  readonly operations: readonly Operation[];
  /** For the log: the operations that cannot be tools, and why. */
  readonly leftOut: readonly string[];
  /** The places where an error may have its message (JMESPath), most likely first. */
  readonly errorMessages: readonly string[];
}

/** One operation: a tool. */
export interface Operation {
  /** `[A-Za-z0-9_-]`, at most 64 characters, unique within the service. */
  readonly name: string;
  readonly title?: string | undefined;
  readonly description: string;
  readonly method: string;
  /** Relative to the base URL; `{wire}` is replaced by a parameter of the path. */
  readonly path: string;
  /** Replaces the service's own base URL, if a document has one for this operation. */
  readonly baseUrl?: string | undefined;
  readonly parameters: readonly Parameter[];
  readonly body?: BodyPlan | undefined;
  /**
   * Schema of the arguments: an object, complete in itself (`$defs` instead of external
   * references). An argument outside its properties is refused. In the query, an exploded object
   * (`form`, `deepObject`) can have only the members that are declared here.
   */
  readonly inputSchema: JsonObject;
  /**
   * Documented media types of the answers; the request asks for them by `accept`. If one of them is
   * JSON, a result marks any other shape as undocumented, unless it is listed too. Absent: unknown,
   * or JSON if there is an output schema or a projection.
   */
  readonly produces?: readonly string[] | undefined;
  /** Schema of the projected answer; absent: unknown. */
  readonly outputSchema?: JsonObject | undefined;
  /** JMESPath. */
  readonly projection?: string | undefined;
  readonly pagination?: Pagination | undefined;
  /** How long the same request may get this answer again; 0: never. */
  readonly cacheMs: number;
  /** Whether two calls have the effect of one; the tool's `idempotentHint`. */
  readonly repeatable: boolean;
  /** Whether the gateway itself repeats it after it may have arrived. */
  readonly resends: boolean;
  readonly readOnly: boolean;
  /** Whether it needs the log-in as well as the credentials. */
  readonly login: boolean;
}

/** One argument outside the body. */
export interface Parameter {
  /** The argument's name. */
  readonly argument: string;
  readonly wire: string;
  readonly in: "path" | "query" | "header" | "cookie";
  readonly required: boolean;
  /** How lists and objects are written (OpenAPI 3.1, section 4.8.12.3); `json`: as JSON text. */
  readonly style:
    | "simple"
    | "label"
    | "matrix"
    | "form"
    | "spaceDelimited"
    | "pipeDelimited"
    | "deepObject"
    | "json";
  readonly explode: boolean;
  /** A list is one text with this separator, whatever the style says about lists. */
  readonly join?: string | undefined;
  /** Sent when the argument is absent. */
  readonly default?: unknown;
}

/** How the body is made. */
export interface BodyPlan {
  /** JSON (any `+json`), `application/x-www-form-urlencoded`, `multipart/form-data` or `text/…`. */
  readonly mediaType: string;
  readonly required: boolean;
  /** The argument that is the whole body; absent: `members` are. */
  readonly argument?: string | undefined;
  /** Argument → member of the body. */
  readonly members: Readonly<Record<string, string>>;
  /** Values to send if the argument is absent: member → value. */
  readonly defaults: JsonObject;
  /** In a form: how list or object members are written, if it is not the usual way. */
  readonly styles?: Readonly<Record<string, Pick<Parameter, "style" | "explode">>> | undefined;
}

/** How to ask for more of a list; names are those of arguments, paths are JMESPath. */
export type Pagination =
  | {
    readonly type: "page";
    readonly parameter: string;
    readonly first: number;
    readonly pages?: string | undefined;
    readonly size?: string | undefined;
    readonly sizeDefault?: number | undefined;
  }
  | {
    readonly type: "offset";
    readonly parameter: string;
    readonly size: string;
    readonly sizeDefault: number;
    readonly total?: string | undefined;
  }
  | { readonly type: "cursor"; readonly parameter: string; readonly next: string }
  /** The `Link` header (RFC 8288): the query of its `rel="next"` gives the arguments. */
  | { readonly type: "link" };
