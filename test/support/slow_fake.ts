/**
 * Stateless callers, and a fake server whose calls end when the test says so, for tests of which
 * connection serves which call.
 */
import type { Caller, JsonObject, Reply } from "../../src/model.ts";
import { createFakeServer, type FakeRequest, type FakeServer } from "./fake_connector.ts";
import { callerOf } from "./upstream_deps.ts";

/** A client of a principal that cannot be asked while a call runs. */
export const askedByResult = (
  principal: string,
  capabilities: JsonObject = { elicitation: {} },
): Caller =>
  callerOf(`p:${principal}`, {
    revision: "2026-07-28",
    asksByResult: true,
    sharesScope: true,
    capabilities,
  });

/** The code of a failure. */
export const failureOf = (reply: Reply): string =>
  reply.kind === "failure" ? reply.error.code : `no failure: ${reply.kind}`;

/** A server whose calls end when the test says so. */
export function createSlowServer(overrides: Partial<FakeServer> = {}) {
  const ends: (() => void)[] = [];
  const server = createFakeServer({
    answer: ({ params }) => new Promise((resolve) => ends.push(() => resolve(params))),
    ...overrides,
  });
  return { server, finish: () => ends.splice(0).forEach((end) => end()) };
}

/** Which process of a server got a request. */
export const processOf = (server: FakeServer, { connection }: FakeRequest): number =>
  server.connections.indexOf(connection);
