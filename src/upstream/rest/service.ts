/**
 * A REST service in the words of the engine: what a recipe (from_recipe.ts) and an OpenAPI document
 * (openapi/) both become. An operation is a tool; how its arguments become a request and its answer
 * a result is data here and work in the files beside. Types only.
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
  /** For the log: which operations cannot be tools, and why. */
  readonly leftOut: readonly string[];
  /** Where an error's own message may stand in its answer (JMESPath), most likely first. */
  readonly errorMessages: readonly string[];
}

/** One operation: a tool. */
export interface Operation {
  /** `[A-Za-z0-9_-]`, at most 64 characters, unique within the service. */
  readonly name: string;
  readonly title?: string | undefined;
  readonly description: string;
  readonly method: string;
  /** Beneath the base URL; `{wire}` stands for a parameter in the path. */
  readonly path: string;
  /** In the place of the service's own, where a document has one for this operation. */
  readonly baseUrl?: string | undefined;
  readonly parameters: readonly Parameter[];
  readonly body?: BodyPlan | undefined;
  /**
   * Of the arguments; an object, complete in itself (`$defs` instead of references elsewhere). An
   * argument that is not among its properties is refused. In the query, an exploded object (`form`,
   * `deepObject`) can have the members alone that are declared here.
   */
  readonly inputSchema: JsonObject;
  /**
   * Media types of its answers as documented; they are asked for by `accept`. When one of them is
   * JSON, a result says that another shape is not as documented, unless it is listed, too. Absent:
   * nothing is known, but where there is an output schema or a projection, that is JSON.
   */
  readonly produces?: readonly string[] | undefined;
  /** Of the projected answer; absent: nothing is known of it. */
  readonly outputSchema?: JsonObject | undefined;
  /** JMESPath. */
  readonly projection?: string | undefined;
  readonly pagination?: Pagination | undefined;
  /** How long an answer may be given again to the same request; 0: never. */
  readonly cacheMs: number;
  /** Whether making it twice does no more than making it once; the tool's `idempotentHint`. */
  readonly repeatable: boolean;
  /** Whether the gateway itself sends it again after it may have arrived. */
  readonly resends: boolean;
  readonly readOnly: boolean;
  /** Whether it needs the log-in beside the credentials. */
  readonly login: boolean;
}

/** One argument outside of the body. */
export interface Parameter {
  /** The argument's name. */
  readonly argument: string;
  readonly wire: string;
  readonly in: "path" | "query" | "header" | "cookie";
  readonly required: boolean;
  /** How lists and objects are written (OpenAPI 3.1 4.8.12.3); `json`: as JSON text. */
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
  /** A list is one text with this between its items, whatever the style says of lists. */
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
  /** Argument -> member of the body. */
  readonly members: Readonly<Record<string, string>>;
  /** Sent when the argument is absent: member -> value. */
  readonly defaults: JsonObject;
  /** In a form: how members that are lists or objects are written, where that is not the usual way. */
  readonly styles?: Readonly<Record<string, Pick<Parameter, "style" | "explode">>> | undefined;
}

/** How more of a list is asked for; names are those of arguments, paths JMESPath. */
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
