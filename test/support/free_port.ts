/**
 * Ports that no program listens on: for programs that must be told one, and for what cannot be
 * reached. They lie below those that systems give away by themselves, so neither another test's
 * server nor a connection takes one of them meanwhile.
 */
import { connect } from "node:net";

/** Systems choose from 32768 (Linux) or 49152 (macOS, Windows) up. */
const lowest = 20_000;
const count = 10_000;
const attemptsMax = 100;

/** Finds one on loopback. It was never listened on: a listener may live on for a moment. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const port = lowest + Math.floor(Math.random() * count);
    if (await isRefused(port)) return port;
  }
  throw new Error("No port is free");
}

function isRefused(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("connect", () => {
      resolve(false);
      socket.destroy();
    });
    socket.once("error", () => resolve(true));
  });
}
