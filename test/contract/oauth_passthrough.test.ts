/** H7 The token of a client reaches no server, whatever way the server is reached. */
import { expect, test } from "bun:test";
import type { OutgoingRequest } from "../../src/runtime/runtime.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { jsonHeaders, request } from "../support/http_harness.ts";
import { base, logIn, openOAuthGateway } from "../support/oauth_gateway.ts";

test("H7 the token of a client reaches no remote server and no program", async () => {
  const runtime = await createTestRuntime();
  const sent: string[] = [];
  const note = (part: unknown) => void sent.push(JSON.stringify(part));
  const opened = await openOAuthGateway({
    servers: { remote: { url: "https://remote.example/mcp" }, local: { command: "local" } },
    runtime: {
      ...runtime,
      async request({ url, headers, body, method }: OutgoingRequest) {
        note({ url, headers, body, method });
        return { status: 404, headers: new Headers(), body: new Blob([]).stream() };
      },
      spawn(options) {
        note(options);
        const fault = new Error("not here");
        throw Object.assign(fault, { code: "ENOENT", permanent: true, folderMissing: false });
      },
    },
  });
  const { access } = await logIn(opened, { resource: "" });
  for (const path of ["/mcp", "/servers/remote/mcp", "/servers/local/mcp"]) {
    const response = await opened.fetch(`${base}${path}`, {
      method: "POST",
      headers: {
        ...jsonHeaders,
        authorization: `Bearer ${access}`,
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "tools/list",
      },
      body: JSON.stringify(request(1, "tools/list", {
        _meta: {
          "io.modelcontextprotocol/protocolVersion": "2026-07-28",
          "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
          "io.modelcontextprotocol/clientCapabilities": {},
        },
      })),
    });
    await response.text();
    expect(response.status).not.toBe(401);
  }
  expect(sent.some((text) => text.includes("remote.example"))).toBe(true);
  expect(sent.filter((text) => text.includes(access))).toEqual([]);
  await opened.close();
}, 60_000);
