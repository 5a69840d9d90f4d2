/**
 * Client programs (the Python SDK's client, the Inspector, mcporter) against servers of each era: a
 * client does what it can with each, and cannot tell the era of the server.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import process from "node:process";
import { cliKinds } from "../support/cli_clients.ts";
import { type EraGateway, serverEras, spawnEraGateway } from "../support/era_servers.ts";
import { pythonKinds, pythonWithClient, visitByPython } from "../support/python_client.ts";
import { isWhole } from "../support/random.ts";
import { partOfVisit, wholeVisit } from "../support/visit.ts";

/** A program that is not there yet is installed by the first test that needs it. */
const programMs = 240_000;
let eras: EraGateway;

beforeAll(async () => {
  if (pythonWithClient === undefined) console.log("No Python with mcp 2: its tests are skipped");
  eras = await spawnEraGateway(["stdio"]);
});
afterAll(() => eras?.dispose());

/** They are no dependencies: `bun test` alone installs nothing, the test command does. */
const hasPrograms = process.env["MCP_TEST_PROGRAMS"] === "true";

const urlOf = (era: string) => `${eras.gateway.url}/servers/${era}-stdio/mcp`;

for (const { mode, revision } of pythonKinds) {
  describe(`the Python SDK's client in its mode ${mode}`, () => {
    for (const era of serverEras) {
      test.skipIf(pythonWithClient === undefined)(
        `does everything with a ${era} server`,
        async () => {
          const visited = await visitByPython(urlOf(era), mode, join(eras.directory, mode + era));
          expect(visited).toEqual({ revision, made: wholeVisit });
        },
      );
    }
  });
}

/** They take seconds to start: where there is little time, each visits a server of one era. */
for (const [at, kind] of cliKinds.entries()) {
  describe(kind.name, () => {
    for (const era of isWhole ? serverEras : [serverEras[at % serverEras.length]!]) {
      test.skipIf(!hasPrograms)(`does what it can with a ${era} server`, async () => {
        expect(await kind.visit(urlOf(era))).toEqual(partOfVisit(kind.parts));
      }, programMs);
    }
  });
}
