/** Random numbers that a seed repeats, for tests that print it. */
import process from "node:process";
import { thisRuntime } from "./runtimes.ts";

/** The seed: `MCP_TEST_SEED`, or a new one for each run. */
export const testSeed: number = Number(
  process.env["MCP_TEST_SEED"] ?? Math.floor(Math.random() * 2 ** 31),
);

/** Numbers from 0 (included) to 1 (excluded): mulberry32. */
export function createSeededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Whether a test goes through all of a long list. What does not depend on the runtime is seen whole on
 * Bun, where it is shortest, and by `bun run test:all` everywhere; elsewhere a part must do.
 */
export const isThorough: boolean = thisRuntime === "bun" ||
  process.env["MCP_TEST_ALL"] === "true";

/** Whether a test that takes very long goes through its whole list: not in the usual test command. */
export const isWhole: boolean = process.env["MCP_TEST_ALL"] !== "false";
