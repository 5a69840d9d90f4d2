/**
 * A TCP proxy between a gateway and its engine, by which a test makes the network bad: bytes are held
 * up or come late, connections are cut, and new ones are refused.
 */
import { connect, createServer, type Socket } from "node:net";

/** The proxy, as a test steers it. */
export interface EngineProxy {
  readonly port: number;
  /** Connections so far, those that were cut at once included. */
  readonly connections: () => number;
  /** The most connections that were open at the same time since `cut`. */
  readonly mostAtOnce: () => number;
  /** Nothing passes any more, and nothing is lost: it waits for `mend`. */
  hold(): void;
  /** Ends all connections, and each new one at its first bytes, until `mend`. */
  cut(): void;
  /** All bytes come so much later. */
  delay(ms: number): void;
  mend(): void;
  close(): Promise<void>;
}

/** Starts it in front of a port of this machine. */
export async function startEngineProxy(target: () => number): Promise<EngineProxy> {
  const sockets = new Set<Socket>();
  /** What passes the bytes on that were held up. */
  let waiting: (() => void)[] = [];
  let [connections, atOnce, mostAtOnce, delayMs] = [0, 0, 0, 0];
  let mode: "open" | "held" | "cut" = "open";
  const pass = (from: Socket, to: Socket): void => {
    from.on("data", (bytes: Uint8Array) => {
      const write = (): void => {
        if (!to.destroyed) to.write(bytes);
      };
      if (mode === "held") waiting.push(write);
      else if (delayMs > 0) setTimeout(write, delayMs);
      else write();
    });
    from.on("error", () => {});
    // While the network is held up, neither end learns that the other one has gone.
    from.once("close", () => {
      const end = (): void => void to.destroy();
      if (mode === "held") waiting.push(end);
      else end();
    });
  };
  const server = createServer((near) => {
    connections += 1;
    atOnce += 1;
    mostAtOnce = Math.max(mostAtOnce, atOnce);
    near.once("close", () => atOnce -= 1);
    sockets.add(near);
    near.once("close", () => sockets.delete(near));
    near.on("error", () => {});
    if (mode === "cut") return void near.once("data", () => near.destroy());
    const far = connect({ host: "127.0.0.1", port: target() });
    sockets.add(far);
    far.once("close", () => sockets.delete(far));
    pass(near, far);
    pass(far, near);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    connections: () => connections,
    mostAtOnce: () => mostAtOnce,
    hold: () => void (mode = "held"),
    cut() {
      mode = "cut";
      [connections, mostAtOnce] = [0, 0];
      for (const socket of sockets) socket.destroy();
    },
    delay: (ms) => void (delayMs = ms),
    mend() {
      mode = "open";
      const all = waiting;
      waiting = [];
      for (const run of all) run();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
