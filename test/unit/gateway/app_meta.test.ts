import { describe, expect, test } from "bun:test";
import { namedPages, withNamedPages } from "../../../src/gateway/app_meta.ts";

const page = "ui://app/page.html";
const other = "ui://mcp-wrapper/b/app/page.html";
const rename = (uri: string) => (uri === page ? other : uri);

describe("the page that `_meta` names", () => {
  test("is renamed under each of its keys, and everything else stays to the letter", () => {
    const rest = { "ui/other": page, vendor: { resourceUri: page }, n: null };
    const before = {
      name: page,
      _meta: {
        ui: { resourceUri: page, visibility: ["app"], csp: { connectDomains: [page] } },
        "ui/resourceUri": page,
        "openai/outputTemplate": page,
        ...rest,
      },
    };
    expect(withNamedPages(before, rename)).toEqual({
      name: page,
      _meta: {
        ui: { resourceUri: other, visibility: ["app"], csp: { connectDomains: [page] } },
        "ui/resourceUri": other,
        "openai/outputTemplate": other,
        ...rest,
      },
    });
    expect(namedPages(before)).toEqual([page]);
  });

  test("is the same object where nothing is renamed, and values of other types are let alone", () => {
    for (
      const _meta of [
        undefined,
        null,
        [],
        "x",
        { ui: null },
        { ui: [page] },
        { ui: { resourceUri: 5 }, "ui/resourceUri": null, "openai/outputTemplate": "https://x" },
        { ui: { resourceUri: "ui://else" } },
      ]
    ) {
      const holder = { _meta };
      expect(withNamedPages(holder, rename)).toBe(holder);
    }
    expect(namedPages({ _meta: { ui: { resourceUri: 5 }, "openai/outputTemplate": "https://x" } }))
      .toEqual([]);
  });
});
