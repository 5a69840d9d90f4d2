/** How the clients of a target authenticate, as rows: settings of the gateway, and what is sent. */
import { runCli } from "../../test/support/run_cli.ts";
import type { SpawnedGateway } from "../../test/support/spawn_gateway.ts";

/** The name of a way to authenticate. */
export type ClientAuth = "none" | "key";

/** One way. */
interface ClientAuthRow {
  /** Variables of the gateway. */
  readonly env: Readonly<Record<string, string>>;
  /** Obtains the credential that all callers send as a bearer token. Absent: they send none. */
  readonly obtain?: (gateway: Pick<SpawnedGateway, "directory">) => Promise<string>;
  /** A text of the same length for targets that do not look at it. */
  readonly sample?: string;
}

/** The rows. */
const clientAuth: Readonly<Record<ClientAuth, ClientAuthRow>> = {
  none: { env: {} },
  key: { env: { MCP_AUTH: "key" }, obtain: addKey, sample: `mcpk_${"0".repeat(43)}` },
};

async function addKey({ directory }: Pick<SpawnedGateway, "directory">): Promise<string> {
  const env = { MCP_DATA_DIR: `${directory}/data`, MCP_CONFIG: `${directory}/mcp.json` };
  const { code, stdout, stderr } = await runCli(["keys", "add", "bench", "--json"], {
    cwd: directory,
    env,
  });
  if (code !== 0) throw new Error(`Cannot add a key: ${stderr}`);
  return String((JSON.parse(stdout) as { key: unknown }).key);
}

/** The variables of a gateway whose clients authenticate so. */
export const authVariables = (auth: ClientAuth): ClientAuthRow["env"] => clientAuth[auth].env;

/** The headers that each request to a gateway carries. */
export async function credentialHeaders(
  auth: ClientAuth,
  gateway: Pick<SpawnedGateway, "directory">,
): Promise<Readonly<Record<string, string>>> {
  return toHeaders(await clientAuth[auth].obtain?.(gateway));
}

/** Headers of the same length. */
export const sampleHeaders = (auth: ClientAuth): Readonly<Record<string, string>> =>
  toHeaders(clientAuth[auth].sample);

const toHeaders = (token: string | undefined): Readonly<Record<string, string>> =>
  token === undefined ? {} : { authorization: `Bearer ${token}` };
