/**
 * A conformance fixture as a program that speaks newline JSON-RPC over stdin and stdout.
 * `--era legacy|modern|dual` picks which eras it speaks; legacy without it.
 */
import process from "node:process";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { createHandshakeFixture } from "./fixture_handshake.ts";
import { createModernFixture } from "./fixture_modern.ts";

const era = process.argv[process.argv.indexOf("--era") + 1];
if (era === "modern" || era === "dual") {
  serveStdio(() => createModernFixture(), { legacy: era === "dual" ? "serve" : "reject" });
} else {
  await createHandshakeFixture().connect(new StdioServerTransport());
}
