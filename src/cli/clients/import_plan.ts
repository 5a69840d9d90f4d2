/**
 * What an import would do, before anything is written: which servers come into `mcp.json`, under
 * which variables their secrets go to `.env`, and which do not come and why. The new texts are read
 * as the gateway reads them, so that a server that would not start is reported before.
 */
import { defaultTables } from "../../app.ts";
import type { FailedServerConfig } from "../../config/config.ts";
import { readServersFile } from "../../config/mcp_json.ts";
import type { OwnAddress } from "../../config/own_address.ts";
import { isOfKind } from "../../config/server_kind.ts";
import { isJsonObject } from "../../json.ts";
import type { FoundServer } from "./found_servers.ts";
import { moveSecrets } from "./secret_mover.ts";
import type { SecretVariables } from "./secret_variables.ts";
import type { ServerObject } from "./server_editor.ts";
import { listOf, parseServers, putServer } from "./server_list.ts";

/** A server that comes into `mcp.json`. */
export interface ImportedServer {
  readonly name: string;
  readonly found: FoundServer;
  /** Without literal secrets. */
  readonly entry: ServerObject;
  /** Other files that have the same server. */
  readonly alsoIn: readonly FoundServer[];
  /** Variables that it refers to and that are not set. */
  readonly needs: readonly string[];
  /** Why the gateway would not start it. */
  readonly problem?: string | undefined;
}

/** A server that does not come. */
export interface SkippedServer {
  readonly found: FoundServer;
  readonly reason: string;
}

/** The whole plan. */
export interface ImportPlan {
  readonly imported: readonly ImportedServer[];
  readonly skipped: readonly SkippedServer[];
  /** The text of `mcp.json` afterwards. */
  readonly text: string;
}

/** What a plan is made with. */
export interface PlanContext {
  /** Absolute. */
  readonly configPath: string;
  /** The text of `mcp.json`; undefined if there is none. */
  readonly before: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly own: OwnAddress;
  readonly variables: SecretVariables;
}

/** Makes the plan. Throws a ConfigError if `mcp.json` cannot be read or changed. */
export async function planImport(
  found: readonly FoundServer[],
  context: PlanContext,
): Promise<ImportPlan> {
  const { configPath, before, variables } = context;
  const top = await parseServers(before ?? "", "jsonc", configPath);
  const taken = new Set(
    ["mcpServers", "servers", "context_servers"].flatMap((key) =>
      Object.keys(listOf(top, key) ?? {})
    ),
  );
  const listKey = top["mcpServers"] === undefined && isJsonObject(top["servers"])
    ? "servers"
    : "mcpServers";
  const skipped: SkippedServer[] = [];
  const chosen = new Map<string, { found: FoundServer; alsoIn: FoundServer[] }>();
  for (const one of found) {
    const reason = reasonAgainst(one, taken, chosen);
    const earlier = chosen.get(one.name);
    if (reason !== undefined) skipped.push({ found: one, reason });
    else if (earlier !== undefined) earlier.alsoIn.push(one);
    else chosen.set(one.name, { found: one, alsoIn: [] });
  }
  const entries = [...chosen].map(([name, { found, alsoIn }]) => ({
    name,
    found,
    alsoIn,
    entry: moveSecrets(found.entry ?? {}, (wanted, value, isVariable) =>
      // The client's text was no reference, and a variable's value is none either.
      variables.name(name, wanted, value.replaceAll("$${", () => "${"), isVariable)),
  }));
  let text = before ?? "";
  // Each becomes the first of its list, so the last one goes in first.
  for (const { name, entry } of entries.toReversed()) {
    text = await putServer(text, "jsonc", configPath, { listKey, name, entry });
  }
  const isChanged = entries.length > 0;
  const problems = isChanged ? await findProblems(text, context) : new Map<string, string>();
  const known = { ...context.env, ...Object.fromEntries(variables.added) };
  return {
    text,
    skipped,
    imported: entries.map((one) => ({
      ...one,
      needs: referencesIn(one.entry).filter((name) => !Object.hasOwn(known, name)),
      problem: problems.get(one.name),
    })),
  };
}

/** Why a server does not come; undefined if it comes, or came from another file. */
function reasonAgainst(
  one: FoundServer,
  taken: ReadonlySet<string>,
  chosen: ReadonlyMap<string, { readonly found: FoundServer }>,
): string | undefined {
  if (one.entry === undefined) return one.reason ?? "it has no form here";
  if (taken.has(one.name)) return "mcp.json has a server of this name";
  const earlier = chosen.get(one.name)?.found;
  if (earlier === undefined || JSON.stringify(earlier.entry) === JSON.stringify(one.entry)) {
    return undefined;
  }
  return `${earlier.file.client.label} has another server of this name; rename one of them first`;
}

/** The problem of each server that the gateway would not start. */
async function findProblems(
  text: string,
  { configPath, env, own, variables }: PlanContext,
): Promise<ReadonlyMap<string, string>> {
  const file = await readServersFile({
    path: configPath,
    env: { ...env, ...Object.fromEntries(variables.added) },
    // Files that an entry names are not read: it has not been confirmed.
    readText: (path) => Promise.resolve(path === configPath ? text : ""),
    own,
    kinds: defaultTables.kinds,
  });
  return new Map(
    file?.config.servers.flatMap((server) =>
      isOfKind<FailedServerConfig>(server, "failed") ? [[server.name, server.problem] as const] : []
    ),
  );
}

/** The variables that a value refers to without a default. */
function referencesIn(value: unknown): string[] {
  const text = JSON.stringify(value);
  const names = [...text.matchAll(/(?<!\$)\$\{(?:env:)?([A-Za-z_]\w*)\}/g)].map(([, name]) => name);
  return [...new Set(names.filter((name) => name !== undefined))]
    .filter((name) => name !== "userHome" && name !== "pathSeparator");
}
