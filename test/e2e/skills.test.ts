/**
 * Skills through the gateway with the official SDK's client, which checks every digest, and real
 * children of both eras. Two servers serve the same skills: both stay whole.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { SkillsClient } from "@modelcontextprotocol/client/ext/skills";
import { programCommand, type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";

const testMs = 60_000;
const fixture = (era: string) =>
  programCommand("test/conformance/fixture_stdio.ts", ["--era", era]);
let gateway: SpawnedGateway;

beforeAll(async () => {
  const servers = { older: fixture("legacy"), newer: fixture("modern") };
  gateway = await spawnGateway({ servers });
}, testMs);
afterAll(() => gateway.dispose(), testMs);

const own = ["skill://acme/billing/refunds", "skill://git-workflow"];
const ofNewer = own.map((folder) => folder.replace("://", "://mcp-wrapper/newer/"));

/** The skills of a surface, for a client that speaks one era. */
async function withSkills(
  path: string,
  mode: "legacy" | { pin: string },
  use: (skills: SkillsClient) => Promise<void>,
): Promise<void> {
  const client = new Client({ name: "desk", version: "3" }, { versionNegotiation: { mode } });
  await client.connect(new StreamableHTTPClientTransport(new URL(`${gateway.url}${path}/mcp`)));
  try {
    await use(new SkillsClient(client));
  } finally {
    await client.close();
  }
}

for (const [name, mode] of [["legacy", "legacy"], ["modern", { pin: "2026-07-28" }]] as const) {
  describe(`the official client of the ${name} era`, () => {
    for (
      const [path, folders] of [
        ["", [...own, ...ofNewer]],
        ["/servers/older", own],
        ["/servers/newer", own],
      ] as const
    ) {
      test(`lists, gets and verifies all skills at ${path}/mcp`, async () => {
        await withSkills(path, mode, async (client) => {
          expect([client.supported, client.directoryRead]).toEqual([true, true]);
          const { skills } = await client.list();
          expect(skills.map(({ uri }) => uri).sort()).toEqual(
            folders.map((folder) => `${folder}/SKILL.md`).sort(),
          );
          for (const skill of skills) {
            expect((await client.get(skill.uri)).skill).toEqual(skill);
            const files = skill.resources === "dynamic" ? [] : skill.resources;
            for (const { uri } of files) {
              expect(await client.read(skill, uri)).toMatchObject({ verified: true });
            }
            const folder = skill.uri.slice(0, -"/SKILL.md".length);
            const { resources } = await client.readDirectory(folder);
            expect(resources.map(({ uri }) => uri)).toContain(skill.uri);
            expect(resources.some(({ mimeType }) => mimeType === "inode/directory")).toBe(true);
          }
        });
      }, testMs);
    }

    test("hears -32602 for a skill that no server has", async () => {
      await withSkills("", mode, async (client) => {
        const got = client.get("skill://nowhere/SKILL.md");
        await expect(got).rejects.toMatchObject({ code: -32602 });
      });
    }, testMs);
  });
}
