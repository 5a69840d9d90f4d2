/**
 * Real clients of either era against servers of each: whoever comes does everything that the
 * protocol has with whoever is there, and cannot tell which era is behind the gateway.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clientKinds } from "../support/mcp_clients.ts";
import { programCommand, type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { visit, wholeVisit } from "../support/visit.ts";

const testMs = 60_000;
const eras = ["legacy", "modern", "dual"];
let directory: string;
let gateway: SpawnedGateway;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "mcp-wrapper-eras-"));
  gateway = await spawnGateway({
    servers: Object.fromEntries(eras.map((era) => [
      era,
      programCommand("test/conformance/fixture_stdio.ts", ["--era", era]),
    ])),
  });
}, testMs);

afterAll(async () => {
  await gateway.dispose();
  rmSync(directory, { recursive: true, force: true });
}, testMs);

for (const [at, kind] of clientKinds.entries()) {
  describe(kind.name, () => {
    for (const era of eras) {
      test(`does everything with a ${era} server`, async () => {
        const client = await kind.open(gateway.url, `/servers/${era}/mcp`);
        const made = await visit(client, join(directory, `${at}-${era}`));
        const { revision } = client;
        await client.close();
        expect(revision).toBe(kind.revision);
        expect(made).toEqual(wholeVisit);
      }, testMs);
    }
  });
}
