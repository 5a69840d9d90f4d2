/** How the clients of a target authenticate, as rows: settings of the gateway, and what is sent. */
import { runCli } from "../../test/support/run_cli.ts";
import type { SpawnedGateway } from "../../test/support/spawn_gateway.ts";

/** The name of a way to authenticate. */
export type ClientAuth = "none" | "key" | "token";

type AuthenticatingGateway = Pick<SpawnedGateway, "directory" | "url">;

/** The client of the gateway's own authorization server. */
const machine = { id: "bench", secret: "a-secret-of-the-benchmark-alone" };

/** One way. */
interface ClientAuthRow {
  /** `auth` of the gateway's `mcp.json`. Absent: clients do not authenticate. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Obtains the credential that all callers send as a bearer token. Absent: they send none. */
  readonly obtain?: (gateway: AuthenticatingGateway) => Promise<string>;
  /** A text of the same length for targets that do not look at it. */
  readonly sample?: string;
}

/** The rows. */
const clientAuth: Readonly<Record<ClientAuth, ClientAuthRow>> = {
  none: {},
  key: { settings: { key: {} }, obtain: addKey, sample: `mcpk_${"0".repeat(43)}` },
  token: {
    settings: { oauth: { clients: [{ ...machine, grants: ["client_credentials"] }] } },
    obtain: requestToken,
    sample: `mcpa_${"0".repeat(43)}`,
  },
};

async function addKey({ directory }: AuthenticatingGateway): Promise<string> {
  const env = { MCP_DATA_DIR: `${directory}/data`, MCP_CONFIG: `${directory}/mcp.json` };
  const { code, stdout, stderr } = await runCli(["keys", "add", "bench", "--json"], {
    cwd: directory,
    env,
  });
  if (code !== 0) throw new Error(`Cannot add a key: ${stderr}`);
  return String((JSON.parse(stdout) as { key: unknown }).key);
}

/** Client credentials (RFC 6749, 4.4). */
async function requestToken({ url }: AuthenticatingGateway): Promise<string> {
  const response = await fetch(`${url}/oauth/token`, {
    method: "POST",
    headers: { authorization: `Basic ${btoa(`${machine.id}:${machine.secret}`)}` },
    body: new URLSearchParams({ grant_type: "client_credentials", resource: `${url}/mcp` }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`Cannot get a token: ${text}`);
  return String((JSON.parse(text) as { access_token: unknown }).access_token);
}

/** `auth` in the configuration of a gateway whose clients authenticate so; undefined: none. */
export const authSettings = (auth: ClientAuth): ClientAuthRow["settings"] =>
  clientAuth[auth].settings;

/** The headers that each request to a gateway carries. */
export async function credentialHeaders(
  auth: ClientAuth,
  gateway: AuthenticatingGateway,
): Promise<Readonly<Record<string, string>>> {
  return toHeaders(await clientAuth[auth].obtain?.(gateway));
}

/** Headers of the same length. */
export const sampleHeaders = (auth: ClientAuth): Readonly<Record<string, string>> =>
  toHeaders(clientAuth[auth].sample);

const toHeaders = (token: string | undefined): Readonly<Record<string, string>> =>
  token === undefined ? {} : { authorization: `Bearer ${token}` };
