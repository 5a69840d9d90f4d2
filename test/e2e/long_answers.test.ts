/**
 * Real clients of every kind, for which the operator set limits, in front of a real program: a long
 * answer is shortened and read on to its end, and the list of tools is no longer than they take.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { hostileCommand } from "../fault/hostile_command.ts";
import { clientKinds, type RealClient } from "../support/mcp_clients.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { startMsMax } from "../support/wait.ts";

const charsMax = 10_000;
const line = "Ein langer Satz 😀 in einer Zeile\n";
const bytes = 2_000_000;

let gateway: SpawnedGateway;

beforeAll(async () => {
  gateway = await spawnGateway({
    prepare(directory) {
      // The name of the test's clients, behind a bridge, too.
      const clientLimits = { "end-to-end": { toolsMax: 4, resultCharsMax: charsMax } };
      const mcpServers = { talker: hostileCommand() };
      writeFileSync(join(directory, "mcp.json"), JSON.stringify({ mcpServers, clientLimits }));
    },
  });
}, startMsMax);

afterAll(() => gateway.dispose());

/** Reads a result on as its notes say: what a model does that can read resources. */
async function readOn(client: RealClient, first: string): Promise<string> {
  const note =
    /\n\[This is (?:part \d+ of \d+\. The next part is the resource (\S+)\.|the last .*)\]$/;
  let whole = "";
  for (let uri: string | undefined = first; uri !== undefined;) {
    const text = await client.readResource(uri);
    whole += text.replace(note, "");
    uri = note.exec(text)?.[1];
  }
  return whole;
}

for (const { name, open } of clientKinds) {
  test(`${name} gets what it takes, and reads on to the end`, async () => {
    const client = await open(gateway.url);
    try {
      expect((await client.toolNames()).length).toBe(4);
      const { content } = await client.callWhole("say", { text: line, bytes });
      const text = JSON.stringify(content);
      expect(text.length < charsMax + 1_200).toBe(true);
      const uri = /mcp-wrapper-result:[0-9a-f]{32}/.exec(text)?.[0] ?? "";
      const whole = line.repeat(Math.ceil(bytes / line.length));
      expect(await readOn(client, uri)).toBe(whole);
    } finally {
      await client.close();
    }
  }, 2 * startMsMax);
}

test("the log names client, tool and sizes, and the limit once", () => {
  const log = gateway.log();
  expect(log).toContain("Result shortened for its client");
  expect(log.match(/A kind of client takes fewer tools/g)?.length).toBe(1);
});
