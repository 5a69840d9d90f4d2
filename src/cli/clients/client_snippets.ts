/**
 * How each known client is connected to the running gateway, as texts to copy: what `connect` prints,
 * for the operator's page. No key is in them: where clients need one, a placeholder stands for it.
 */
import { type AccessFacts, readAccessFacts } from "../../app.ts";
import type { AuthConfig } from "../../config/config.ts";
import { identity } from "../../version.ts";
import type { CommandContext } from "../command.ts";
import { accessOf } from "./client_access.ts";
import { placeOf } from "./client_places.ts";
import { type Client, clients } from "./client_table.ts";
import { addressAt } from "./gateway_address.ts";
import { showServer } from "./server_list.ts";

/** One client. */
export interface ClientSnippet {
  readonly id: string;
  readonly title: string;
  /** The part of its file that names the gateway. */
  readonly text: string;
  readonly language: "json" | "toml" | "yaml";
  /** Where that belongs. */
  readonly file?: string | undefined;
  /** The client's own command that adds the gateway. */
  readonly command?: readonly string[] | undefined;
  /** Opens the client, which then asks whether to add the gateway. */
  readonly link?: string | undefined;
  /** What else there is to do, or to know. */
  readonly notes: readonly string[];
}

/** The gateway to connect to. */
export interface SnippetGateway {
  /** The base of its MCP endpoints, without a path. */
  readonly url: string;
  /** The same for clients on other machines, and for those that log in. */
  readonly publicUrl: string | undefined;
  readonly auth: AuthConfig | undefined;
}

type Around = Pick<CommandContext, "platform" | "places" | "env">;

/** The snippets of all clients, in the order of the table. */
export async function makeSnippets(
  around: Around,
  gateway: SnippetGateway,
): Promise<readonly ClientSnippet[]> {
  const facts = await readAccessFacts(gateway.auth);
  return await Promise.all(clients.map((client) => snippetOf(client, around, gateway, facts)));
}

const languages = { jsonc: "json", toml: "toml", yaml: "yaml" } as const;

async function snippetOf(
  client: Client,
  around: Around,
  { url, publicUrl }: SnippetGateway,
  facts: AccessFacts,
): Promise<ClientSnippet> {
  const { platform: { system, cwd }, env } = around;
  const isByUrl = client.byUrl !== undefined;
  const access = accessOf({ client, facts, isByUrl, headers: {}, publicUrl });
  const own = addressAt(around, url, access.headers);
  const address = { ...own, url: access.url ?? own.url };
  const { name } = identity;
  const entry = client.byUrl?.(name, address) ?? client.byProgram(name, address);
  // Without its key the entry cannot connect, and other accounts may see a command line.
  const isWhole = access.missing === undefined;
  const added = isWhole
    ? client.ownCommand?.add({ name, scope: "user", address, isByUrl, entry })
    : undefined;
  return {
    id: client.id,
    title: client.label,
    text: await showServer(client.format, { listKey: client.listKey, name, entry }),
    language: languages[client.format],
    file: placeOf(client, "user", { system, env, cwd }),
    command: added && [client.ownCommand?.program ?? "", ...added],
    link: isWhole ? client.link?.(name, entry) : undefined,
    notes: [...(access.missing === undefined ? [] : [access.missing]), ...access.notes],
  };
}
