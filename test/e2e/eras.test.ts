/**
 * Real clients of either era against servers of each: whoever comes does everything that the
 * protocol has with whoever is there, and cannot tell which era is behind the gateway.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startHttpFixture } from "../conformance/start_fixture.ts";
import { cliKinds } from "../support/cli_clients.ts";
import { clientKinds } from "../support/mcp_clients.ts";
import { pythonKinds, pythonWithClient, visitByPython } from "../support/python_client.ts";
import { programCommand, type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { partOfVisit, visit, wholeVisit } from "../support/visit.ts";

const testMs = 60_000;
/** A program that is not there yet is installed by the first test that needs it. */
const programMs = 240_000;
const eras = ["legacy", "modern", "dual"];
const servers = eras.flatMap((era) => ["stdio", "http"].map((transport) => `${era}-${transport}`));
const children: ChildProcess[] = [];
let directory: string;
let gateway: SpawnedGateway;

beforeAll(async () => {
  if (pythonWithClient === undefined) console.log("No Python with mcp 2: its tests are skipped");
  directory = mkdtempSync(join(tmpdir(), "mcp-wrapper-eras-"));
  const rows: Record<string, unknown> = {};
  await Promise.all(eras.map(async (era) => {
    const { url, child } = await startHttpFixture(era);
    children.push(child);
    rows[`${era}-http`] = { url };
    rows[`${era}-stdio`] = programCommand("test/conformance/fixture_stdio.ts", ["--era", era]);
  }));
  gateway = await spawnGateway({ servers: rows });
}, testMs);

afterAll(async () => {
  await gateway?.dispose();
  for (const child of children) child.kill("SIGKILL");
  rmSync(directory, { recursive: true, force: true });
}, testMs);

for (const [at, kind] of clientKinds.entries()) {
  describe(kind.name, () => {
    for (const server of servers) {
      test(`does everything with the server ${server}`, async () => {
        const client = await kind.open(gateway.url, `/servers/${server}/mcp`);
        const made = await visit(client, join(directory, `${at}-${server}`));
        const { revision } = client;
        await client.close();
        expect(revision).toBe(kind.revision);
        expect(made).toEqual(wholeVisit);
      }, testMs);
    }
  });
}

for (const { mode, revision } of pythonKinds) {
  describe(`the Python SDK's client in its mode ${mode}`, () => {
    for (const era of eras) {
      test.skipIf(pythonWithClient === undefined)(
        `does everything with a ${era} server`,
        async () => {
          const url = `${gateway.url}/servers/${era}-stdio/mcp`;
          const visited = await visitByPython(url, mode, join(directory, `${mode}-${era}`));
          expect(visited).toEqual({ revision, made: wholeVisit });
        },
        testMs,
      );
    }
  });
}

for (const kind of cliKinds) {
  describe(kind.name, () => {
    for (const era of eras) {
      test(`does what it can with a ${era} server`, async () => {
        const made = await kind.visit(`${gateway.url}/servers/${era}-stdio/mcp`);
        expect(made).toEqual(partOfVisit(kind.parts));
      }, programMs);
    }
  });
}
