/**
 * Real clients of either era that start `mcp-wrapper stdio`: they do everything in the protocol with
 * servers of each era behind the running gateway.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type EraGateway, serverEras, spawnEraGateway } from "../support/era_servers.ts";
import { stdioClientKinds } from "../support/mcp_clients.ts";
import { visit, wholeVisit } from "../support/visit.ts";

let eras: EraGateway;

beforeAll(async () => {
  eras = await spawnEraGateway(["stdio"]);
});
afterAll(() => eras?.dispose());

for (const [at, kind] of stdioClientKinds.entries()) {
  describe(kind.name, () => {
    for (const era of serverEras) {
      const server = `${era}-stdio`;
      test(`does everything over stdio with the server ${server}`, async () => {
        const client = await kind.open(eras.gateway.directory, server);
        const made = await visit(client, join(eras.directory, `${at}-${server}`));
        const { revision } = client;
        await client.close();
        expect(revision).toBe(kind.revision);
        expect(made).toEqual(wholeVisit);
      });
    }
  });
}
