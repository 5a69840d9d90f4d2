/**
 * `bun:test` on Deno and Node: the part of its interface that the shared suite uses, made of node:test
 * and npm `expect`. Mapped by deno.json and node_hooks.ts; Bun never loads it.
 */
import * as node from "node:test";
import { expect } from "expect";
import { testMsMax } from "./wait.ts";

type Body = () => void | Promise<void>;

/** A test; `timeoutMs` as the third argument, like Bun's, with the default of bun_timeout.ts. */
function test(name: string, body: Body, timeoutMs: number = testMsMax): void {
  node.test(name, { timeout: timeoutMs }, () => body());
}
test.skip = (name: string, body: Body): void => {
  node.test(name, { skip: true }, () => body());
};
test.skipIf = (condition: boolean): (name: string, body: Body, timeoutMs?: number) => void =>
  condition ? (name, body) => test.skip(name, body) : test;

const describe = (name: string, body: () => void): void => {
  node.describe(name, body);
};
const beforeAll = (body: Body): void => node.before(() => body());
const afterAll = (body: Body): void => node.after(() => body());
const beforeEach = (body: Body): void => node.beforeEach(() => body());
const afterEach = (body: Body): void => node.afterEach(() => body());

export { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test };
