/**
 * Several gateways as processes of their own that are one gateway: one engine, one secret, and a
 * load balancer without affinity in front of them.
 */
import { type RedisServer, startRedis } from "./redis_server.ts";
import { type Exchange, type RoundRobin, serveRoundRobin } from "./round_robin.ts";
import { type GatewayOptions, type SpawnedGateway, spawnGateway } from "./spawn_gateway.ts";

/** How to start them. */
export interface InstancesOptions extends GatewayOptions {
  /** How many; three if absent. */
  readonly count?: number;
  /** Hears what came of each request. */
  readonly heard?: (exchange: Exchange) => void;
  /** False: they have a secret in common, and each has a store of its own. */
  readonly hasEngine?: boolean;
}

/** Instances behind a balancer. */
export interface SpawnedInstances {
  /** Of the balancer, without a path. */
  readonly url: string;
  readonly balancer: RoundRobin;
  /** Throws if they have no engine. */
  readonly engine: RedisServer;
  readonly all: readonly SpawnedGateway[];
  /** Starts one again that has ended; resolves when it is ready, and behind the balancer. */
  startOne(place: number): Promise<void>;
  dispose(): Promise<void>;
}

const secret = "Zq8r2Vt5Xy7Bm9Kp3Lw6Ns4Qe1Rd0Tu8";

/** Starts them at the same time. */
export async function spawnInstances(options: InstancesOptions): Promise<SpawnedInstances> {
  const { count = 3, heard, hasEngine = true, env, ...own } = options;
  const closing: (() => Promise<unknown>)[] = [];
  const dispose = async (): Promise<void> => {
    for (const close of closing.splice(0).reverse()) await close();
  };
  try {
    const engine = hasEngine ? await startRedis() : undefined;
    closing.push(async () => await engine?.close());
    const balancer = await serveRoundRobin(heard);
    closing.push(() => balancer.close());
    const all = await startAll(count, {
      ...own,
      env: {
        MCP_SECRET: secret,
        MCP_PUBLIC_URL: balancer.url,
        ...(engine !== undefined && { MCP_STORE: engine.url }),
        ...env,
      },
    });
    closing.push(() => Promise.all(all.map(end)));
    for (const [place, { port }] of all.entries()) balancer.set(place, port);
    return {
      url: balancer.url,
      balancer,
      get engine() {
        if (engine === undefined) throw new Error("These instances have no engine");
        return engine;
      },
      all,
      async startOne(place) {
        await all[place]?.restart();
        balancer.set(place, all[place]?.port ?? 0);
      },
      dispose,
    };
  } catch (thrown) {
    await dispose();
    throw thrown;
  }
}

/** A stop would wait until a balancer has noticed. */
async function end(one: SpawnedGateway): Promise<void> {
  await one.kill9();
  await one.dispose();
}

/** Starts all, or none. */
async function startAll(count: number, options: GatewayOptions): Promise<SpawnedGateway[]> {
  const started = await Promise.allSettled(
    Array.from({ length: count }, () => spawnGateway(options)),
  );
  const all = started.flatMap((one) => one.status === "fulfilled" ? one.value : []);
  const failed = started.find((one) => one.status === "rejected");
  if (failed === undefined) return all;
  await Promise.all(all.map((one) => one.dispose()));
  throw failed.reason;
}
