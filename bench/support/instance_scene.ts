/** Three instances behind a balancer, with the servers behind them and the clients in front. */
import type { Exchange } from "../../test/support/round_robin.ts";
import { type SpawnedInstances, spawnInstances } from "../../test/support/spawned_instances.ts";
import { type InstanceClient, openClients } from "./instance_clients.ts";
import type { InstanceServers } from "./instance_servers.ts";

/** What a figure of several instances is measured at. */
export interface InstanceScene<Servers extends InstanceServers> {
  readonly instances: SpawnedInstances;
  readonly servers: Servers;
  readonly clients: readonly InstanceClient[];
  close(): Promise<void>;
}

/** How it is opened. */
export interface SceneOptions<Servers extends InstanceServers> {
  readonly openServers: () => Promise<Servers>;
  readonly count?: number;
  readonly sessions: number;
  /** How many kinds of clients; all if absent. */
  readonly kinds?: number;
  readonly heard?: (exchange: Exchange) => void;
}

/** Opens all of it, or nothing. */
export async function openScene<Servers extends InstanceServers>(
  { openServers, count, sessions, kinds, heard }: SceneOptions<Servers>,
): Promise<InstanceScene<Servers>> {
  const closing: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const one of closing.splice(0).reverse()) await one();
  };
  try {
    const servers = await openServers();
    closing.push(() => servers.close());
    const instances = await spawnInstances({
      servers: servers.servers,
      prepare: servers.prepare,
      ...(count !== undefined && { count }),
      ...(heard !== undefined && { heard }),
    });
    closing.push(() => instances.dispose());
    const clients = await openClients(instances.url, sessions, kinds);
    return { instances, servers, clients, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}
