/**
 * Real clients of either era against servers of each: a client does everything in the protocol with
 * each server, and cannot tell the era of the server behind the gateway.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type EraGateway, serverEras, spawnEraGateway } from "../support/era_servers.ts";
import { clientKinds } from "../support/mcp_clients.ts";
import { visit, wholeVisit } from "../support/visit.ts";

const servers = serverEras.flatMap((era) =>
  ["stdio", "http"].map((transport) => `${era}-${transport}`)
);
let eras: EraGateway;

beforeAll(async () => {
  eras = await spawnEraGateway(["stdio", "http"]);
});
afterAll(() => eras?.dispose());

for (const [at, kind] of clientKinds.entries()) {
  describe(kind.name, () => {
    for (const server of servers) {
      test(`does everything with the server ${server}`, async () => {
        const client = await kind.open(eras.gateway.url, `/servers/${server}/mcp`);
        const made = await visit(client, join(eras.directory, `${at}-${server}`));
        const { revision } = client;
        await client.close();
        expect(revision).toBe(kind.revision);
        expect(made).toEqual(wholeVisit);
      });
    }
  });
}
