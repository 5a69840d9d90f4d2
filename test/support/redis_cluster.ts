/** Nodes of one cluster as programs of their own, which share its slots. */
import { freePort } from "./free_port.ts";
import { type RedisServer, startRedis } from "./redis_server.ts";
import { until } from "./wait.ts";

/** All slots of a cluster. */
const slots = 16_384;

/** What makes a server a node, which others reach at a port of its own. */
function clusterOptions(busPort: number): readonly string[] {
  const timeout = ["--cluster-node-timeout", "2000"];
  return ["--cluster-enabled", "yes", "--cluster-port", String(busPort), ...timeout];
}

/** Starts so many nodes; resolves when each of them knows all slots. */
export async function startCluster(count: number): Promise<readonly RedisServer[]> {
  const nodes: RedisServer[] = [];
  const busPorts: number[] = [];
  for (let at = 0; at < count; at += 1) {
    // By default that port is 10,000 higher, where another program may listen.
    const busPort = await freePort();
    busPorts.push(busPort);
    nodes.push(await startRedis(...clusterOptions(busPort)));
  }
  const share = Math.ceil(slots / count);
  for (const [at, node] of nodes.entries()) {
    const last = Math.min(slots, (at + 1) * share) - 1;
    await node.tell(`CLUSTER ADDSLOTSRANGE ${at * share} ${last}`);
    await node.tell(`CLUSTER SET-CONFIG-EPOCH ${at + 1}`);
    if (at > 0) await node.tell(`CLUSTER MEET 127.0.0.1 ${nodes[0]?.port} ${busPorts[0]}`);
  }
  await until("the cluster is whole", async () => {
    const states = await Promise.all(nodes.map((node) => node.tell("CLUSTER INFO")));
    return states.every((state) =>
      state.includes("cluster_state:ok") && state.includes(`cluster_known_nodes:${count}`)
    );
  });
  return nodes;
}
