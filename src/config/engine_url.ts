/**
 * The value of MCP_STORE: `sqlite`, or the URL of an engine that speaks the protocol of Redis. The
 * URL may name several addresses, which `new URL` does not take. Not here: how the engine is used
 * (src/redis/).
 */
import * as v from "valibot";
import { defaultLimits } from "../limits.ts";
import { ConfigError } from "./config_error.ts";

/** How the addresses of a URL are meant. */
export type EngineForm = "single" | "sentinel" | "cluster";

/** One address. */
export interface EngineNode {
  readonly host: string;
  readonly port: number;
}

/** A login at the engine, or at its Sentinels. */
export interface EngineLogin {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

/** The engine, as its URL names it. */
export interface EngineConfig extends EngineLogin {
  readonly form: EngineForm;
  readonly tls: boolean;
  /** One for the form `single`; otherwise those that know all others. */
  readonly nodes: readonly EngineNode[];
  readonly database: number;
  /** All keys and channels begin with it: gateways with different ones are independent. */
  readonly prefix: string;
  /** The name under which Sentinels watch the engine; the form `sentinel` alone has it. */
  readonly master?: string | undefined;
  /** How to log in at the Sentinels. */
  readonly sentinel?: EngineLogin | undefined;
}

/** Where the stores are. */
export interface StoreSettings {
  /** The kind of store (a row of the store kinds); absent: `sqlite`. */
  readonly store?: string | undefined;
  /** The engine of the kind `redis`; absent: the kind needs none. */
  readonly engine?: EngineConfig | undefined;
}

/** What MCP_STORE chooses. */
export interface StoreChoice {
  /** A row of the store kinds. */
  readonly kind: string;
  readonly engine?: EngineConfig | undefined;
}

const defaultPrefix = "mcp-wrapper";
const schemes: Readonly<Record<string, EngineForm>> = {
  "": "single",
  "+sentinel": "sentinel",
  "+cluster": "cluster",
};
const urlForm =
  /^redis(s?)(|\+sentinel|\+cluster):\/\/(?:([^@/?]*)@)?([^/?#]+)(?:\/(\d*))?(?:\?([^#]*))?$/;
const queryNames = new Set(["prefix", "master", "sentinel_username", "sentinel_password"]);

const port = v.pipe(
  v.string(),
  v.regex(/^\d{1,5}$/),
  v.toNumber(),
  v.minValue(1),
  v.maxValue(defaultLimits.portMax),
);
const engineForm = v.pipe(
  v.object({
    form: v.picklist(["single", "sentinel", "cluster"]),
    tls: v.boolean(),
    nodes: v.pipe(
      v.array(v.object({ host: v.pipe(v.string(), v.regex(/^[\w.:-]+$/)), port })),
      v.minLength(1),
    ),
    username: v.optional(v.pipe(v.string(), v.minLength(1))),
    password: v.optional(v.pipe(v.string(), v.minLength(1))),
    database: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
    // Braces would change which keys a cluster keeps together.
    prefix: v.pipe(v.string(), v.regex(/^[\w.:-]{1,64}$/)),
    master: v.optional(v.pipe(v.string(), v.regex(/^[\w.:-]{1,64}$/))),
    sentinel: v.optional(
      v.object({ username: v.optional(v.string()), password: v.optional(v.string()) }),
    ),
  }),
  v.check(({ form, nodes }) => form !== "single" || nodes.length === 1),
  v.check(({ form, master }) => (form === "sentinel") === (master !== undefined)),
  v.check(({ form, sentinel }) => form === "sentinel" || sentinel === undefined),
  v.check(({ form, database }) => form !== "cluster" || database === 0),
);

/** Reads the value of MCP_STORE; undefined if it is none. */
export function parseStore(text: string): StoreChoice | undefined {
  if (text === "sqlite") return { kind: "sqlite" };
  const engine = parseEngineUrl(text);
  return engine && { kind: "redis", engine };
}

/** The part of the configuration that says where the stores are. Throws if the key is missing. */
export function toStore(
  choice: StoreChoice | undefined,
  secret: string | undefined,
): StoreSettings {
  if (choice === undefined) return {};
  if (choice.engine !== undefined && secret === undefined) {
    throw new ConfigError([
      "Cannot use MCP_STORE without MCP_SECRET: what is stored there is sealed with that key, and " +
      "every instance needs the same one; create it with: openssl rand -base64 32",
    ]);
  }
  return { store: choice.kind, engine: choice.engine };
}

/** The values of an engine's URL that no log may show. */
export function secretsOfEngine(engine: EngineConfig | undefined): string[] {
  return [engine?.password, engine?.sentinel?.password]
    .filter((text) => text !== undefined);
}

/** The addresses of an engine, to name it in a text: never its login. */
export function placeOfEngine({ nodes, database, prefix }: EngineConfig): string {
  const addresses = nodes.map(({ host, port }) =>
    `${host.includes(":") ? `[${host}]` : host}:${port}`
  );
  const parts = [...(database === 0 ? [] : [`database ${database}`]), `prefix "${prefix}"`];
  return `${addresses.join(",")} (${parts.join(", ")})`;
}

function parseEngineUrl(text: string): EngineConfig | undefined {
  const found = urlForm.exec(text);
  if (found === null) return undefined;
  const [, tls, scheme = "", login, addresses = "", database, query = ""] = found;
  try {
    const parameters = new URLSearchParams(query);
    if ([...parameters.keys()].some((name) => !queryNames.has(name))) return undefined;
    const parameter = (name: string) => parameters.get(name) ?? undefined;
    const sentinel = {
      username: parameter("sentinel_username"),
      password: parameter("sentinel_password"),
    };
    const hasSentinelLogin = sentinel.username !== undefined || sentinel.password !== undefined;
    const parsed = v.safeParse(engineForm, {
      form: schemes[scheme],
      tls: tls === "s",
      nodes: addresses.split(",").map(toNode),
      ...toLogin(login),
      database: Number(database ?? 0),
      prefix: parameter("prefix") ?? defaultPrefix,
      master: parameter("master"),
      sentinel: hasSentinelLogin ? sentinel : undefined,
    });
    return parsed.success ? parsed.output : undefined;
  } catch {
    // A percent sign that encodes nothing.
    return undefined;
  }
}

function toNode(address: string): { host: string; port: string } {
  const [, inBrackets, plain = "", portText = String(defaultLimits.enginePort)] =
    /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(address) ?? [];
  return { host: inBrackets ?? plain, port: portText };
}

function toLogin(login: string | undefined): EngineLogin {
  if (login === undefined || login === "") return {};
  const cut = login.indexOf(":");
  const user = decodeURIComponent(cut < 0 ? login : login.slice(0, cut));
  const password = cut < 0 ? undefined : decodeURIComponent(login.slice(cut + 1));
  return {
    ...(user !== "" && { username: user }),
    ...(password !== undefined && { password }),
  };
}
