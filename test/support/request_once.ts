/**
 * Makes one request of the platform to the URL given, and prints what came of it as JSON: for what
 * is decided when a process starts, such as which authorities it trusts.
 */
import process from "node:process";
import type { RequestFault } from "../../src/runtime/runtime.ts";
import { createTestRuntime } from "./fake_runtime.ts";

const runtime = await createTestRuntime();
try {
  const response = await runtime.request({
    url: process.argv[2] ?? "",
    method: "POST",
    headers: { authorization: "Bearer secret" },
    body: "secret",
    signal: new AbortController().signal,
    connectMs: 5_000,
    allowAddress: () => true,
  });
  console.log(
    JSON.stringify({ status: response.status, text: await new Response(response.body).text() }),
  );
} catch (thrown) {
  const { kind, sent } = thrown as RequestFault;
  console.log(JSON.stringify({ kind, sent }));
}
