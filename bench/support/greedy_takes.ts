/**
 * What one client can take of a gateway, and what another does meanwhile, for the benchmark of
 * shares: sessions, streams, processes, and processes for calls that wait for their clients. Each
 * client has an address.
 */
import { request as sendRequest } from "node:http";
import { initialize, jsonHeaders, request } from "../../test/support/http_harness.ts";
import { sendingTo } from "../../test/support/open_gateway.ts";
import { ask } from "../../test/support/stateless_client.ts";

/** The bounds of the gateway; one client has a part of each. */
export const greedyLimits = {
  sessionsMax: 2_000,
  principalSessionsMax: 1_500,
  streamsMax: 400,
  principalStreamsMax: 300,
  processesMax: 16,
  principalProcessesMax: 12,
};

/** Does something once; whether it succeeded. */
export type Take = () => Promise<boolean>;

/** One thing that can be taken. */
export interface GreedyTake {
  /** How many callers take it at the same time. */
  readonly callers: number;
  /** Takes one more of it, and keeps it. */
  readonly take: (client: AddressClient) => Promise<boolean>;
  /** Makes what the other client does again and again. */
  readonly beside: (client: AddressClient) => Promise<Take>;
}

/** A client of a gateway. */
export interface AddressClient {
  readonly port: number;
  readonly address: string;
}

const revision = "2025-11-25";

async function openSession({ port, address }: AddressClient) {
  const body = initialize(revision);
  const response = await sendingTo(port)(address)("POST", "/mcp", { headers: jsonHeaders, body });
  const id = response.headers.get("mcp-session-id");
  await response.text();
  return id === null ? undefined : { "mcp-session-id": id, "mcp-protocol-version": revision };
}

type Session = Readonly<Record<string, string>>;

async function callIn(
  { port, address }: AddressClient,
  session: Session | undefined,
  name: string,
): Promise<boolean> {
  if (session === undefined) return false;
  const body = request(1, "tools/call", { name, arguments: {} });
  const headers = { ...jsonHeaders, ...session };
  const response = await sendingTo(port)(address)("POST", "/mcp", { headers, body });
  return (await response.text()).includes('"result"');
}

/** Opens a stream; resolves when it has begun, with what closes it. */
function openStream({ port, address }: AddressClient, session: Session | undefined) {
  return new Promise<(() => void) | undefined>((resolve) => {
    const options = { host: "127.0.0.1", port, localAddress: address, path: "/mcp", agent: false };
    const headers = { accept: "text/event-stream", ...session };
    const outgoing = sendRequest({ ...options, headers }, (incoming) => {
      incoming.resume().on("error", () => {});
      resolve(incoming.statusCode === 200 ? () => outgoing.destroy() : undefined);
    });
    outgoing.on("error", () => resolve(undefined)).end();
  });
}

const asking = { meta: { clientCapabilities: { elicitation: { form: {} } } } };
const question = {
  method: "elicitation/create",
  params: { message: "Who?", requestedSchema: { type: "object", properties: {} } },
};

async function callAlone(
  { port, address }: AddressClient,
  name: string,
  args: object,
): Promise<string> {
  const params = { name, arguments: { ...args } };
  const response = await ask({ send: sendingTo(port)(address) }, "tools/call", params, asking);
  return await response.text();
}

/** The rows. */
export const greedyTakes: Readonly<Record<string, GreedyTake>> = {
  sessions: {
    callers: 8,
    take: async (client) => await openSession(client) !== undefined,
    async beside(client) {
      return async () => {
        const session = await openSession(client);
        if (session === undefined) return false;
        const send = sendingTo(client.port)(client.address);
        return (await send("DELETE", "/mcp", { headers: session })).status === 204;
      };
    },
  },
  streams: {
    callers: 8,
    take: async (client) => await openStream(client, await openSession(client)) !== undefined,
    async beside(client) {
      const session = await openSession(client);
      return async () => {
        const close = await openStream(client, session);
        close?.();
        return close !== undefined;
      };
    },
  },
  processes: {
    callers: greedyLimits.principalProcessesMax + 4,
    take: async (client) => await callIn(client, await openSession(client), "hang"),
    async beside(client) {
      const session = await openSession(client);
      if (!await callIn(client, session, "echo")) throw new Error("The first call failed");
      return async () => await callIn(client, session, "echo");
    },
  },
  leases: {
    callers: 8,
    async take(client) {
      return (await callAlone(client, "ask", question)).includes("input_required");
    },
    async beside(client) {
      if (!(await callAlone(client, "echo", {})).includes('"complete"')) {
        throw new Error("The first call failed");
      }
      return async () => (await callAlone(client, "echo", {})).includes('"complete"');
    },
  },
};
