/** What clients see of a server that describes itself in odd ways. */
import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../../src/model.ts";
import { createLegacyCodec } from "../../../src/protocol/legacy/era_codec.ts";
import { createModernCodec } from "../../../src/protocol/modern/era_codec.ts";
import { client } from "../../support/codecs.ts";

const identity = { name: "mcp-wrapper", version: "1" };
const legacy = createLegacyCodec(identity).client;
const modern = createModernCodec(identity).client;

const shown: Readonly<Record<string, (serverInfo: JsonObject) => unknown>> = {
  "a session": (serverInfo) =>
    legacy.encodeDescription({ capabilities: {}, serverInfo }, client("2025-11-25"))
      .serverInfo,
  "a stateless client": (serverInfo) =>
    (modern.encodeDescription({ capabilities: {}, serverInfo }, client("2026-07-28"))
      ._meta as JsonObject)[
        "io.modelcontextprotocol/serverInfo"
      ],
};

const icon = { src: "https://a.test/i.png" };
const data = `data:image/png;base64,${"A".repeat(40_000)}`;

const cases: [string, JsonObject, JsonObject][] = [
  ["its title", { name: "a", title: " The\n\u0000title\u202e " }, { title: "The title" }],
  ["its name where it has no title", { name: "a", version: "2" }, { title: "a" }],
  ["its name where the title is none", { name: "a", title: 7 }, { title: "a" }],
  ["its name where the title is empty", { name: "a", title: " \u0007" }, { title: "a" }],
  ["nothing where it says nothing", {}, {}],
  ["a long title cut", { title: "é".repeat(500) }, { title: `${"é".repeat(99)}…` }],
  [
    "a title that is cut between two characters",
    { title: "😀".repeat(60) },
    { title: `${"😀".repeat(49)}…` },
  ],
  ["its website", { websiteUrl: "https://a.test/" }, { websiteUrl: "https://a.test/" }],
  ["no website that is a script", { websiteUrl: "javascript:alert(1)" }, {}],
  ["no website that is no URL", { websiteUrl: "a.test" }, {}],
  ["no endless website", { websiteUrl: `https://a.test/${"a".repeat(3_000)}` }, {}],
  ["its icons", { icons: [icon, { src: data }] }, { icons: [icon, { src: data }] }],
  ["as many bytes of icons as it may", { icons: [{ src: data }, { src: data }] }, {
    icons: [{ src: data }],
  }],
  ["a few icons", { icons: Array(50).fill(icon) }, { icons: Array(8).fill(icon) }],
  [
    "the icons that are some",
    {
      icons: [
        null,
        {},
        { src: 5 },
        { src: "file:///etc/passwd" },
        { ...icon, sizes: "big" },
        { ...icon, theme: "dark", more: true },
      ],
    },
    { icons: [{ ...icon, theme: "dark" }] },
  ],
  ["no icons that are no list", { icons: icon }, {}],
];

for (const [client, see] of Object.entries(shown)) {
  describe(`${client} sees of a server`, () => {
    for (const [what, own, expected] of cases) {
      test(what, () => expect(see(own)).toEqual({ ...identity, ...expected }));
    }
  });
}
