/**
 * The answers of the admin API, as the command line reads them. Members that it does not use are
 * not checked, so that a gateway of another version can be steered as long as these stay.
 */
import * as v from "valibot";

/** Log-ins at a server that may need one; times are ISO 8601. */
export const loginForm = v.object({
  /** `each` or `shared`. */
  grant: v.string(),
  /** `granted`, `needed`, `unasked` or `impossible`. */
  state: v.string(),
  problem: v.optional(v.string()),
  grants: v.pipe(
    v.array(v.object({
      /** Absent: it serves all. */
      principal: v.optional(v.string()),
      issuer: v.string(),
      scopes: v.pipe(v.array(v.string()), v.readonly()),
      grantedAt: v.string(),
      expiresAt: v.optional(v.string()),
      isRefreshable: v.boolean(),
      refreshedAt: v.optional(v.string()),
      failure: v.optional(
        v.object({ problem: v.string(), at: v.string(), isFinal: v.boolean() }),
      ),
    })),
    v.readonly(),
  ),
  /** The latest log-in, if it failed. */
  failedLogin: v.optional(
    v.object({ principal: v.optional(v.string()), problem: v.string(), at: v.string() }),
  ),
});

/** The log-ins of a server, as commands show them. */
export type LoginView = v.InferOutput<typeof loginForm>;

/** One grant. */
export type GrantView = LoginView["grants"][number];

/** The log-ins of all servers that may need one. */
export const loginsForm = v.object({
  logins: v.array(v.object({ name: v.string(), ...loginForm.entries })),
});

/** Those of one server, with its name. */
export type NamedLogin = v.InferOutput<typeof loginsForm>["logins"][number];

/** A link for a log-in at a server. */
export const serverLinkForm = v.object({ url: v.string(), expiresAt: v.string() });

/** How many grants were revoked. */
export const logOutForm = v.object({ revoked: v.number() });

/** Log-ins at protected servers, and their changes. */
export interface LoginCalls {
  list(): Promise<readonly NamedLogin[]>;
  makeLink(server: string, principal: string | undefined): Promise<
    v.InferOutput<typeof serverLinkForm>
  >;
  /** Returns how many grants there were. */
  logOut(server: string, principal: string | undefined): Promise<number>;
}

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
  /** Tools that are not as they were first seen; older gateways do not say it. */
  changedTools: v.optional(v.number()),
  /** Of a server that may need a log-in; older gateways do not say it. */
  login: v.optional(loginForm),
});

/** One server, as commands show it. */
export type ServerView = v.InferOutput<typeof serverForm>;

/** One profile, as a running gateway reports it. */
export const profileForm = v.object({
  name: v.string(),
  /** `file` or `registry`. */
  source: v.string(),
  url: v.string(),
  entry: v.unknown(),
  missing: v.optional(v.pipe(v.array(v.string()), v.readonly())),
  problem: v.optional(v.string()),
});

/** One profile, as commands show it. */
export type ListedProfile = v.InferOutput<typeof profileForm>;

/** All of them. */
export const profilesForm = v.object({ profiles: v.array(profileForm) });

/** The profiles, and the changes of those in the registry. */
export interface ProfileCalls {
  list(): Promise<readonly ListedProfile[]>;
  put(name: string, entry: unknown): Promise<v.InferOutput<typeof putForm>>;
  remove(name: string): Promise<void>;
}

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
  /** Its URL behind a proxy. Older gateways do not say it. */
  publicUrl: v.optional(v.string()),
  /** How clients authenticate: none if it is empty. Older gateways do not say it. */
  auth: v.optional(v.array(v.string())),
  servers: v.array(serverForm),
  /** Older gateways do not say it. */
  profiles: v.optional(v.array(profileForm)),
  /** The instances that share a store; absent: it is the only one. */
  instances: v.optional(v.array(v.object({
    name: v.string(),
    url: v.string(),
    startedAt: v.number(),
    owned: v.number(),
    calls: v.number(),
    isDraining: v.boolean(),
    isThis: v.boolean(),
  }))),
  /** Why the instances are not known. */
  instancesProblem: v.optional(v.string()),
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

const someNames = v.pipe(v.array(v.string()), v.readonly());
const times = { createdAt: v.optional(v.string()), usedAt: v.optional(v.string()) };

/** The users; times are ISO 8601. */
export const usersForm = v.object({
  users: v.array(v.object({
    name: v.string(),
    roles: someNames,
    groups: someNames,
    hasPassword: v.boolean(),
    ...times,
  })),
});

/** One user, as commands show it. */
export type UserView = v.InferOutput<typeof usersForm>["users"][number];

/** A link for one log-in. */
export const loginLinkForm = v.object({ path: v.string(), expiresAt: v.string() });

/** The people who log in at the gateway's pages, and their changes. */
export interface UserCalls {
  list(): Promise<readonly UserView[]>;
  add(
    name: string,
    user: {
      readonly roles: readonly string[];
      readonly groups: readonly string[];
      readonly password?: string;
    },
  ): Promise<void>;
  remove(name: string): Promise<void>;
  setPassword(name: string, password: string): Promise<void>;
  makeLink(name: string): Promise<v.InferOutput<typeof loginLinkForm>>;
}

/** The clients of the authorization server. */
export const clientsForm = v.object({
  clients: v.array(v.object({
    id: v.string(),
    kind: v.string(),
    name: v.optional(v.string()),
    grants: v.number(),
    ...times,
  })),
});

/** What was granted to them. */
export const grantsForm = v.object({
  grants: v.array(v.object({
    id: v.string(),
    client: v.string(),
    principal: v.string(),
    scopes: someNames,
    surface: v.optional(v.string()),
    ...times,
  })),
});

/** What can be listed and revoked. */
export interface RevocableCalls<Entry> {
  list(): Promise<readonly Entry[]>;
  revoke(id: string): Promise<void>;
}

/** Who may connect. */
export interface AccessCalls {
  readonly keys: KeySteering;
  readonly users: UserCalls;
  readonly clients: RevocableCalls<v.InferOutput<typeof clientsForm>["clients"][number]>;
  readonly grants: RevocableCalls<v.InferOutput<typeof grantsForm>["grants"][number]>;
}

/** An answer of which nothing is used. */
export const anyForm = v.unknown();

/** A refusal. */
export const refusalForm = v.object({ error: v.object({ code: v.string(), message: v.string() }) });
