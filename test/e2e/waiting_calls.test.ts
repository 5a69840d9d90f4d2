/**
 * Stateless clients in front of a program that speaks by handshake and may ask within a call. The
 * program counts its starts and what it carries out in files. Many calls share few processes, a
 * client that walks away from a question keeps no other one waiting, and no call runs twice.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hostileCommand } from "../fault/hostile_command.ts";
import { isAlive } from "../support/processes.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { envelope, mirror } from "../support/stateless_client.ts";
import { linesOf } from "../support/visit.ts";

const testMs = 120_000;
const everything = { elicitation: {}, sampling: {}, roots: {} };

interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly result?: {
    readonly resultType: string;
    readonly inputRequests: Record<string, { readonly params: { readonly message: string } }>;
    readonly requestState: string;
    readonly content: readonly { readonly text: string }[];
  };
  readonly error?: {
    readonly code: number;
    readonly message: string;
    readonly data: { readonly outcome?: string; readonly retryAfterMs?: number };
  };
}

let directory: string;
let gateway: SpawnedGateway;
const fileOf = (server: string, what: string) => join(directory, `${server}-${what}`);
const program = (name: string) => ({
  ...hostileCommand(
    `--start-file=${fileOf(name, "starts")}`,
    `--count-file=${fileOf(name, "calls")}`,
  ),
  // Processes are counted, and on a busy machine any start is slow.
  spare: false,
});
/** How often a server was started. */
const startsOf = (server: string): number => linesOf(fileOf(server, "starts")).length;
/** The processes of a server that live now. */
const processesOf = (server: string): number =>
  linesOf(fileOf(server, "starts")).filter((pid) => isAlive(Number(pid))).length;
const callsOf = (server: string, tool: string): number =>
  linesOf(fileOf(server, "calls")).filter((name) => name === tool).length;

const names = ["tools", "reads", "prompts", "left", "twins", "held"] as const;
type Name = typeof names[number];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "mcp-wrapper-waiting-"));
  gateway = await spawnGateway({
    servers: Object.fromEntries(names.map((name) => [name, program(name)])),
  });
}, testMs);

afterAll(async () => {
  await gateway.dispose();
  rmSync(directory, { recursive: true, force: true });
}, testMs);

/** One request of a client that declares everything. */
async function send(
  server: Name,
  method: string,
  params: Record<string, unknown>,
  signal?: AbortSignal,
): Promise<Answer> {
  const _meta = envelope({ clientCapabilities: everything });
  const response = await fetch(`${gateway.url}/servers/${server}/mcp`, {
    method: "POST",
    headers: mirror(method, params),
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: { ...params, _meta } }),
    ...(signal !== undefined && { signal }),
  });
  const text = await response.text();
  const data = text.startsWith("{") ? text : /^data: (.*"id":1.*)$/m.exec(text)?.[1] ?? "{}";
  const retryAfter = response.headers.get("retry-after");
  return { status: response.status, retryAfter, ...JSON.parse(data) };
}

const tool = (server: Name, name: string, args: unknown, more = {}, signal?: AbortSignal) =>
  send(server, "tools/call", { name, arguments: args, ...more }, signal);

const question = (message: string) => ({
  method: "elicitation/create",
  params: { message, requestedSchema: { type: "object", properties: {} } },
});
const ask = (server: Name, message: string) => tool(server, "ask", question(message));
const messagesIn = ({ result }: Answer): string[] =>
  Object.values(result?.inputRequests ?? {}).map(({ params }) => params.message);
const textIn = ({ result, error }: Answer): string | undefined =>
  error?.message ?? result?.content?.[0]?.text;

/** The return to a question, which every answer accepts with the question's own text. */
function comeBack(server: Name, message: string, { result }: Answer): Promise<Answer> {
  const keys = Object.keys(result?.inputRequests ?? {});
  const answer = { action: "accept", content: { said: message } };
  return tool(server, "ask", question(message), {
    inputResponses: Object.fromEntries(keys.map((key) => [key, answer])),
    requestState: result?.requestState,
  });
}

describe("a hundred calls at once of a client that declares everything", () => {
  const hundred = Array.from({ length: 100 }, (_, n) => n);
  const kinds: readonly {
    readonly server: Name;
    readonly what: string;
    readonly call: (n: number) => Promise<Answer>;
  }[] = [
    { server: "tools", what: "of a tool", call: (n) => tool("tools", "slow", { ms: 20, n }) },
    {
      server: "reads",
      what: "of resources",
      call: () => send("reads", "resources/read", { uri: "mem://a" }),
    },
    {
      server: "prompts",
      what: "of a prompt",
      call: () => send("prompts", "prompts/get", { name: "greet" }),
    },
  ];
  for (const { server, what, call } of kinds) {
    test(`${what}: all succeed, with at most eight processes`, async () => {
      const answers = await Promise.all(hundred.map(call));
      expect(answers.filter(({ result }) => result?.resultType !== "complete")).toEqual([]);
      expect(processesOf(server)).toBeLessThanOrEqual(8);
      if (server === "tools") expect(callsOf(server, "slow")).toBe(100);
    }, testMs);
  }
});

describe("questions that were abandoned", () => {
  test("give way to other calls, and their clients get that reason when they return", async () => {
    const left: Answer[] = [];
    for (let n = 0; n < 20; n++) {
      const answer = await ask("left", `question ${n}`);
      expect(messagesIn(answer)).toEqual([`question ${n}`]);
      left.push(answer);
    }
    const before = performance.now();
    expect(textIn(await tool("left", "echo", { text: "hello" }))).toContain("hello");
    expect(performance.now() - before).toBeLessThan(1_000);
    expect(processesOf("left")).toBeLessThanOrEqual(8);
    const [first, last] = [left[0], left.at(-1)];
    if (first === undefined || last === undefined) throw new Error("Nothing was asked");
    const late = await comeBack("left", "question 0", first);
    expect(late.error?.message).toContain("needed for other work");
    expect(late.error?.data.outcome).toBe("unknown");
    // The others still wait for their answers.
    expect(textIn(await comeBack("left", "question 19", last))).toContain("question 19");
    expect(callsOf("left", "ask")).toBe(20);
  }, testMs);

  test("all at once are each asked of their own client", async () => {
    const asked = await Promise.all(
      Array.from({ length: 20 }, (_, n) => ask("twins", `question ${n}`)),
    );
    expect(asked.map(messagesIn)).toEqual(asked.map((_, n) => [`question ${n}`]));
    expect(callsOf("twins", "ask")).toBe(20);
    expect(processesOf("twins")).toBeLessThanOrEqual(8);
  }, testMs);
});

describe("the first question of a server while calls share its process", () => {
  test("waits until the server has answered the others, and reaches its own client", async () => {
    // The server has shown that these two ask nothing, as far as is known.
    await tool("held", "slow", { ms: 0 });
    await tool("held", "ask", { ...question("later"), late: 600_000 });
    const starts = startsOf("held");
    const slow = tool("held", "slow", { ms: 1_000 });
    let isSlowOver = false;
    void slow.then(() => isSlowOver = true);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const asked = await ask("held", "Who?");
    expect(isSlowOver).toBe(true);
    expect(messagesIn(asked)).toEqual(["Who?"]);
    expect(textIn(await slow)).toBe("done");
    expect(textIn(await comeBack("held", "Who?", asked))).toContain("Who?");
    expect(startsOf("held")).toBe(starts);
    // From now on each call has a process for itself.
    const both = await Promise.all([tool("held", "slow", { ms: 500 }), ask("held", "And you?")]);
    expect([textIn(both[0]), messagesIn(both[1])]).toEqual(["done", ["And you?"]]);
    expect(startsOf("held")).toBe(starts + 1);
  }, testMs);
});
