/** The one file of another project in the operator's page is what its script makes of the package. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { litFile, litHtmlText } from "../../../packaging/lit_html.ts";

test("the page's lit-html is the one of package.json, with its licence", () => {
  const text = readFileSync(litFile, "utf8");
  expect(text).toBe(litHtmlText());
  expect(text).toContain("BSD 3-Clause License");
  const manifest = new URL("../../../package.json", import.meta.url);
  const { devDependencies } = JSON.parse(readFileSync(manifest, "utf8"));
  expect(text).toContain(`lit-html ${devDependencies["lit-html"]}`);
});
