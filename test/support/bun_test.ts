/**
 * `bun:test` on Deno and Node: the part of its interface that the shared suite uses, made of node:test
 * and npm `expect`. Mapped by deno.json and node_hooks.mjs; Bun never loads it.
 */
import * as node from "node:test";
import { expect } from "expect";
import { testMsMax } from "./wait.ts";

type Body = () => void | Promise<void>;

/** What a file declares at its top, while node_files.ts loads several: it runs after all are loaded. */
let later: (() => void)[] | undefined;

/** Loads a file and returns a function that declares what is in it. */
export async function loadTests(load: () => Promise<unknown>): Promise<() => void> {
  const declarations: (() => void)[] = [];
  later = declarations;
  try {
    await load();
  } finally {
    later = undefined;
  }
  return () => declarations.forEach((declare) => declare());
}

const declare = (run: () => void): void => void (later === undefined ? run() : later.push(run));

/** A test; `timeoutMs` as the third argument, like Bun's, with the default of bun_timeout.ts. */
function test(name: string, body: Body, timeoutMs: number = testMsMax): void {
  declare(() => void node.test(name, { timeout: timeoutMs }, () => body()));
}
test.skip = (name: string, body: Body): void => {
  declare(() => void node.test(name, { skip: true }, () => body()));
};
test.skipIf = (condition: boolean): (name: string, body: Body, timeoutMs?: number) => void =>
  condition ? (name, body) => test.skip(name, body) : test;

const describe = (name: string, body: () => void): void => {
  declare(() => void node.describe(name, body));
};
describe.skipIf = (condition: boolean): (name: string, body: () => void) => void =>
  condition
    ? (name, body) => declare(() => void node.describe(name, { skip: true }, body))
    : describe;
const beforeAll = (body: Body): void => declare(() => node.before(() => body()));
const afterAll = (body: Body): void => declare(() => node.after(() => body()));
const beforeEach = (body: Body): void => declare(() => node.beforeEach(() => body()));
const afterEach = (body: Body): void => declare(() => node.afterEach(() => body()));

export { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test };
