/** The conformance fixture as a program: newline JSON-RPC over stdin and stdout. */
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { createFixture } from "./fixture.ts";

await createFixture().connect(new StdioServerTransport());
