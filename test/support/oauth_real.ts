/** The real gateway as an authorization server, with one person who can log in. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "../../src/model.ts";
import { openAdminCalls } from "./admin_calls.ts";
import { type SpawnedGateway, spawnGateway } from "./spawn_gateway.ts";

/** The only user. */
export const person = { name: "ada", password: "correct horse battery" };

/** Starts it with servers and with settings of `auth.oauth`. */
export async function spawnOAuthGateway(
  { servers = {}, settings = {} }: {
    readonly servers?: Readonly<Record<string, unknown>>;
    readonly settings?: JsonObject;
  },
): Promise<SpawnedGateway> {
  const configuration = { mcpServers: servers, auth: { oauth: settings } };
  const gateway = await spawnGateway({
    env: { MCP_AUTH: "oauth", MCP_ADMIN_PORT: "0" },
    prepare: (directory) =>
      writeFileSync(join(directory, "mcp.json"), JSON.stringify(configuration)),
  });
  try {
    const admin = await openAdminCalls(gateway.directory);
    const body = { ...person, roles: [], groups: [] };
    const added = await admin.call("POST", "/admin/users", { as: "owner", body });
    if (added.status !== 201) throw new Error(`Cannot add a user: ${JSON.stringify(added.body)}`);
    return gateway;
  } catch (fault) {
    await gateway.dispose();
    throw fault;
  }
}
