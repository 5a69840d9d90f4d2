/**
 * Adds the servers of the registry to those of `mcp.json`. Entries of both are read by the same
 * reader and follow the same rules. `mcp.json` wins if both name a server, and the built-in servers
 * are there only while nothing at all is configured.
 */
import type { DisabledServer, ServerConfig, ServersConfig } from "./config.ts";
import { toSafePrefix } from "./config.ts";
import { appendKey } from "./config_error.ts";
import { createFileContext, nameProblem, type ReadServersOptions } from "./mcp_json.ts";
import type { RegistryRow } from "./registry_store.ts";
import { failServer, readServer } from "./server_entry.ts";
import { joinForms, type ServerForms } from "./server_kind.ts";
import type { FileContext } from "./texts.ts";

/** The name of the registry in texts that name a file. */
const place = "the registry";

/** The servers of both; relative paths of entries start at the folder of `options.path`. */
export async function addServers(
  base: ServersConfig,
  rows: readonly RegistryRow[],
  options: ReadServersOptions,
): Promise<ServersConfig> {
  if (rows.length === 0) return base;
  const shared = createFileContext(options, place, [...base.warnings]);
  const context: FileContext = { ...shared, pin: base.pin };
  const forms = joinForms(options.kinds);
  const servers = base.servers.filter(({ definedIn }) => definedIn !== "built-in");
  const disabled = [...base.disabled ?? []];
  const ofFile = new Set([...servers, ...disabled].map(({ name }) => name));
  const byPrefix = new Map(servers.map(({ name }) => [toSafePrefix(name), name]));
  const hidden: string[] = [];
  for (const row of rows) {
    if (ofFile.has(row.name)) {
      hidden.push(
        `Server ${JSON.stringify(row.name)} of ${place} is not used: ` +
          "mcp.json has a server of the same name",
      );
    } else if (row.disabled) {
      disabled.push(toDisabled(row, forms));
    } else {
      servers.push(await readRow(row, forms, context, byPrefix));
    }
  }
  const notes = [...base.notes ?? [], ...context.passedOver.lines(place), ...hidden];
  return {
    ...base,
    servers,
    ...(disabled.length === 0 ? {} : { disabled }),
    warnings: context.warnings,
    ...(notes.length === 0 ? {} : { notes }),
    files: [...new Set([...base.files, ...context.files])],
    secrets: [...new Set([...base.secrets, ...context.secrets])],
  };
}

function toDisabled({ name, entry }: RegistryRow, forms: ServerForms): DisabledServer {
  const kind = entry === "unreadable" ? "failed" : forms.kindOf(entry);
  return { name, kind, definedIn: "registry" };
}

async function readRow(
  { name, entry }: RegistryRow,
  forms: ServerForms,
  context: FileContext,
  byPrefix: Map<string, string>,
): Promise<ServerConfig> {
  const path = appendKey("", name);
  const fail = (problem: string) => failServer(name, `${path} in ${place}: ${problem}`);
  const taken = nameProblem(name, byPrefix);
  const server = taken !== undefined
    ? fail(taken)
    : entry === "unreadable"
    ? fail("it was sealed with another key; restore the key, or add the server again")
    : await readServer(name, path, entry, forms, context);
  // Stored entries have no key that switches them off: their row says so.
  return { ...server ?? fail("it is switched off in its entry"), definedIn: "registry" };
}
