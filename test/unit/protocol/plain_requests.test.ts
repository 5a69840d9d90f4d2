/**
 * What is read without its schema, or from what was read before, is what it would be otherwise: the
 * checks by hand take nothing that a schema refuses, and a remembered description of a client is the
 * one that a fresh reading gives, also when many others came between. A failure names the seed;
 * `MCP_TEST_SEED` runs it again.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import * as v from "valibot";
import { GatewayError } from "../../../src/errors.ts";
import { defaultLimits } from "../../../src/limits.ts";
import type { JsonObject } from "../../../src/model.ts";
import { cleanParams } from "../../../src/protocol/message_members.ts";
import { clientRequests } from "../../../src/protocol/legacy/methods.ts";
import { decodeCleaned } from "../../../src/protocol/modern/decode_request.ts";
import { readEnvelope } from "../../../src/protocol/modern/envelope.ts";
import { requests } from "../../../src/protocol/modern/methods.ts";
import { decodeRequest } from "../../../src/protocol/modern/modern_request.ts";
import { modernRevision } from "../../../src/protocol/modern/revision.ts";
import { isPlainRequest } from "../../../src/protocol/shared/plain_requests.ts";
import { testSeed as seed } from "../../support/random.ts";

const methods = [...new Set([...Object.keys(clientRequests), ...requests.keys()])];
const { nameCharsMax, uriCharsMax, requestIdCharsMax } = defaultLimits;

const texts = fc.constantFrom(
  "echo",
  "",
  "a\u0000b",
  "\ud800",
  "x".repeat(requestIdCharsMax),
  "x".repeat(requestIdCharsMax + 1),
  "x".repeat(nameCharsMax),
  "x".repeat(nameCharsMax + 1),
  "x".repeat(uriCharsMax + 1),
);
const other = fc.constantFrom<unknown>(
  undefined,
  null,
  {},
  [],
  0,
  1.5,
  2 ** 53,
  true,
  { progressToken: 1 },
);
const meta = fc.record(
  { progressToken: fc.oneof(texts, other), "a/b": other },
  { requiredKeys: [] },
);
const params = fc.record(
  {
    name: fc.oneof({ weight: 3, arbitrary: fc.constant("echo") }, texts, other),
    uri: fc.oneof({ weight: 3, arbitrary: fc.constant("a://b") }, texts, other),
    arguments: other,
    task: other,
    cursor: fc.oneof(texts, other),
    _meta: fc.oneof({ weight: 3, arbitrary: meta }, other),
    inputResponses: other,
    extra: other,
  },
  { requiredKeys: [] },
);

describe("a check by hand", () => {
  test("takes nothing that the schema of either era refuses", () => {
    const taken = new Set<string>();
    fc.assert(
      fc.property(fc.constantFrom(...methods), params, (method, given) => {
        if (!isPlainRequest(method, given)) return;
        taken.add(method);
        for (const schema of [clientRequests[method]?.params, requests.get(method)]) {
          if (schema !== undefined) expect(v.safeParse(schema, given).success).toBe(true);
        }
      }),
      { seed, numRuns: 20_000 },
    );
    expect([...taken].toSorted()).toEqual([
      "prompts/get",
      "prompts/list",
      "resources/list",
      "resources/read",
      "resources/templates/list",
      "tools/call",
      "tools/list",
    ]);
  });
});

const prefix = "io.modelcontextprotocol/";
const declared = fc.constantFrom<unknown>(
  null,
  {},
  [],
  "x",
  { sampling: {} },
  { sampling: null },
  { sampling: true, extensions: { "a/b": [] } },
  { roots: { listChanged: false } },
  { experimental: { big: "x".repeat(defaultLimits.rememberedEnvelopeCharsMax) } },
  { experimental: { big: "x".repeat(defaultLimits.clientCapabilitiesBytesMax) } },
);
const info = fc.oneof(
  fc.constantFrom<unknown>(null, {}, [], { name: "a", version: null }, { name: "__proto__" }),
  // More different ones than are remembered.
  fc.nat(2 * defaultLimits.rememberedEnvelopesMax).map((version) => ({ name: "a", version })),
);
const envelope = fc.record(
  {
    [`${prefix}protocolVersion`]: fc.oneof(
      { weight: 9, arbitrary: fc.constant<unknown>(modernRevision) },
      fc.constantFrom<unknown>(null, 1, "2025-11-25"),
    ),
    [`${prefix}clientCapabilities`]: declared,
    [`${prefix}clientInfo`]: info,
    [`${prefix}logLevel`]: fc.constantFrom<unknown>(null, "info", "loud"),
    progressToken: fc.constantFrom<unknown>(null, 0, "t", {}),
    "a/b": fc.constantFrom<unknown>(null, {}),
    [`${prefix}serverInfo`]: fc.constantFrom<unknown>(null, {}),
  },
  { requiredKeys: [] },
);
const call = fc.record(
  { name: fc.constantFrom<unknown>("echo", 1), arguments: declared, _meta: envelope, x: declared },
  { requiredKeys: ["_meta"] },
);

/** What a function gives, or the failure with which it ends. */
function outcomeOf(run: () => unknown): unknown {
  try {
    return run();
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown;
    return { code: thrown.code, message: thrown.message };
  }
}

/** A request as it is read without anything remembered. */
function readAfresh(given: JsonObject): unknown {
  const cleaned = cleanParams("tools/call", given);
  const read = readEnvelope(cleaned);
  if (read.revision !== modernRevision) {
    const message = `Cannot speak protocol version "${read.revision}": use ${modernRevision}`;
    throw new GatewayError("version_unsupported", message);
  }
  const decoded = decodeCleaned("tools/call", cleaned);
  if (decoded.kind !== "ok") {
    throw new GatewayError("invalid_params", decoded.kind === "invalid" ? decoded.message : "");
  }
  const { kind: _, ...rest } = decoded;
  return { id: 1, ...rest, envelope: read };
}

describe("a description that a client repeats", () => {
  test("means what it meant alone, whatever came between", () => {
    let good = 0;
    fc.assert(
      fc.property(call, (given) => {
        const named = given._meta[`${prefix}protocolVersion`];
        const headers = new Headers({
          "mcp-protocol-version": String(named),
          "mcp-method": "tools/call",
          "mcp-name": typeof given.name === "string" ? given.name : "echo",
        });
        const request = { id: 1, method: "tools/call", params: given };
        const text = JSON.stringify(given);
        const fresh = outcomeOf(() => readAfresh(given));
        if (!(fresh as JsonObject)["code"]) good += 1;
        for (let time = 0; time < 3; time += 1) {
          expect(outcomeOf(() => decodeRequest(request, headers))).toEqual(fresh);
        }
        expect(JSON.stringify(given)).toBe(text);
      }),
      { seed, numRuns: 3_000 },
    );
    expect(good).toBeGreaterThan(100);
  });
});
