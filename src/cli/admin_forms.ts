/**
 * The answers of the admin API, as the command line reads them. Members that it does not use are
 * not checked, so that a gateway of another version can be steered as long as these stay.
 */
import * as v from "valibot";

/** One server, as a running gateway reports it. */
export const serverForm = v.object({
  name: v.string(),
  /** `stdio`, `http`, `rest` or `failed`. */
  kind: v.string(),
  /** `file`, `registry` or `built-in`. */
  source: v.string(),
  enabled: v.boolean(),
  /** Older gateways do not say it. */
  target: v.optional(v.string()),
  /** Of a remote server. */
  url: v.optional(v.string()),
  state: v.string(),
  /** ISO 8601. */
  since: v.string(),
  error: v.optional(v.string()),
  lastError: v.optional(v.string()),
  restarts: v.number(),
  revision: v.optional(v.string()),
  serverInfo: v.optional(v.object({ name: v.string(), version: v.string() })),
  tools: v.optional(v.number()),
  prompts: v.optional(v.number()),
  resources: v.optional(v.number()),
  calls: v.number(),
  failures: v.number(),
  medianMs: v.optional(v.number()),
});

/** One server, as commands show it. */
export type ServerView = v.InferOutput<typeof serverForm>;

/** What a running gateway says about itself. */
export const statusForm = v.object({
  version: v.string(),
  runtime: v.string(),
  pid: v.number(),
  url: v.string(),
  startedAt: v.string(),
  /** The path of its `mcp.json`. */
  config: v.string(),
  /** Its data folder. */
  data: v.string(),
  /** How clients authenticate: none if it is empty. Older gateways do not say it. */
  auth: v.optional(v.array(v.string())),
  servers: v.array(serverForm),
});

/** The state of a running gateway. */
export type GatewayView = v.InferOutput<typeof statusForm>;

/** The proof of a gateway that it has the owner's token. */
export const helloForm = v.object({ proof: v.string() });

/** What became of an entry; older gateways say nothing. */
export const putForm = v.object({ warnings: v.optional(v.array(v.string())) });

/** A key that was made. */
export const madeKeyForm = v.object({ name: v.string(), key: v.string() });

const names = v.optional(v.pipe(v.array(v.string()), v.readonly()));

/** The keys; times are ISO 8601. */
export const keysForm = v.object({
  keys: v.array(v.object({
    name: v.string(),
    roles: names,
    servers: names,
    tools: names,
    createdAt: v.string(),
    expiresAt: v.optional(v.string()),
    usedAt: v.optional(v.string()),
    isExpired: v.boolean(),
  })),
});

/** One key, as commands show it. */
export type KeyView = v.InferOutput<typeof keysForm>["keys"][number];

/** A key to make. */
export interface KeyRequest {
  readonly name: string;
  readonly roles?: readonly string[];
  readonly servers?: readonly string[];
  readonly tools?: readonly string[];
  readonly expiresAt?: string;
}

/** The keys of clients, and their changes. */
export interface KeySteering {
  list(): Promise<readonly KeyView[]>;
  add(key: KeyRequest): Promise<v.InferOutput<typeof madeKeyForm>>;
  revoke(name: string): Promise<void>;
}

/** An answer of which nothing is used. */
export const anyForm = v.unknown();

/** A refusal. */
export const refusalForm = v.object({ error: v.object({ code: v.string(), message: v.string() }) });
