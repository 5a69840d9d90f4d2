/** What a server says of itself is kept within bounds, member by member, in both eras. */
import { describe, expect, test } from "bun:test";
import { defaultLimits } from "../../../src/limits.ts";
import type { Description, JsonObject } from "../../../src/model.ts";
import { decodeInitialize } from "../../../src/protocol/legacy/initialize_params.ts";
import { decodeDiscover } from "../../../src/protocol/modern/upstream_facing.ts";

const { instructionsCharsMax, serverInfoBytesMax, serverCapabilitiesBytesMax } = defaultLimits;

interface Said {
  readonly capabilities: JsonObject;
  readonly serverInfo: JsonObject;
  readonly instructions?: string;
}

const eras: Readonly<Record<string, (said: Said) => Description | undefined>> = {
  initialize(said) {
    const decoded = decodeInitialize({ ...said, protocolVersion: "2025-11-25" });
    return decoded.kind === "ok" ? decoded.value.description : undefined;
  },
  "server/discover": ({ serverInfo, ...said }) => {
    const decoded = decodeDiscover({
      ...said,
      supportedVersions: ["2026-07-28"],
      _meta: { "io.modelcontextprotocol/serverInfo": serverInfo },
    });
    return decoded.kind === "ok" ? decoded.value.description : undefined;
  },
};

for (const [method, describeBy] of Object.entries(eras)) {
  describe(`the answer to ${method}`, () => {
    test("is kept as it is within the bounds", () => {
      const said = {
        capabilities: { tools: { listChanged: true }, extensions: { a: { b: [1] } } },
        serverInfo: { name: "n", version: "1", icons: [{ src: "data:," }], vendor: { x: null } },
        instructions: "Be brief.",
      };
      expect(describeBy(said)).toEqual(said);
    });

    test("loses the members that do not fit, and those alone", () => {
      const huge = "x".repeat(4_000_000);
      const kept = describeBy({
        capabilities: {
          experimental: { vendor: { huge } },
          tools: {},
          resources: { subscribe: true },
        },
        serverInfo: { description: huge, name: "n", version: "1", title: "T" },
        instructions: `${"y".repeat(instructionsCharsMax - 1)}😀`,
      });
      expect(kept).toEqual({
        capabilities: { tools: {}, resources: { subscribe: true } },
        serverInfo: { name: "n", version: "1", title: "T" },
        instructions: "y".repeat(instructionsCharsMax - 1),
      });
    });

    test("stays within the bounds however many small members it has", () => {
      const many = Object.fromEntries(Array.from({ length: 50_000 }, (_, at) => [`m${at}`, {}]));
      const kept = describeBy({ capabilities: { tools: {}, ...many }, serverInfo: many });
      expect(JSON.stringify(kept?.serverInfo).length).toBeLessThan(2 * serverInfoBytesMax);
      expect(JSON.stringify(kept?.capabilities).length).toBeLessThan(
        2 * serverCapabilitiesBytesMax,
      );
      expect(kept?.capabilities).toHaveProperty("tools");
    });
  });
}
