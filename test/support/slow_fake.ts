/**
 * Stateless callers, and a fake server whose calls end when the test says so, for tests of which
 * connection serves which call.
 */
import type { Answer, Caller, JsonObject, Reply } from "../../src/model.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import { createFakeServer, type FakeRequest, type FakeServer } from "./fake_connector.ts";
import { callerOf, drain, toolCall } from "./upstream_deps.ts";
import { until } from "./wait.ts";

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

/** A question, and the answer to it. */
export const question = { method: "elicitation/create", params: { message: "Who?" } };
export const accepted: Answer = { kind: "answer", value: { action: "accept" } };

/** Lets the server ask in a call, after which each call has a connection for itself. */
export async function letAsk(
  { server, finish }: ReturnType<typeof createSlowServer>,
  upstream: Upstream,
  caller: Caller = askedByResult("alice"),
): Promise<void> {
  const call = upstream.open(toolCall("asks", {}, caller));
  await until("the call that asks", () => server.calls().length === 1);
  const asked = server.calls()[0]?.connection.hooks.ask(question, new AbortController().signal);
  await drain(call, () => (finish(), accepted));
  await asked;
  server.requests.splice(0);
}
