/**
 * The place of a server is the operator's secret: no text for a client contains the URL or host of
 * a remote server, or the path of a program. The log has them.
 */
import { afterEach, describe, expect, test } from "bun:test";
import type { JsonObject } from "../../src/model.ts";
import { createUpstream } from "../../src/upstream/upstream_kinds.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import { type Rules, sessionRules } from "../fault/hostile_upstream.ts";
import { createRemotes, remoteConfig } from "../support/http_upstream.ts";
import {
  callerOf,
  createTestDeps,
  drain,
  hostileConfig,
  toolCall,
} from "../support/upstream_deps.ts";

const remotes = createRemotes();
const closing: Upstream[] = [];
afterEach(async () => {
  await remotes.closeAll();
  await Promise.all(closing.splice(0).map((upstream) => upstream.close()));
});

async function failureOf(upstream: Upstream): Promise<string> {
  const { end } = await drain(upstream.open(toolCall("work", {}, callerOf("a"))));
  expect(end.kind).toBe("failure");
  return JSON.stringify(end.kind === "failure" ? end.error.toRpc() : end);
}

const broken: Readonly<Record<string, Partial<Rules>>> = {
  "refuses the login": { initialize: (visit) => visit.status(401) },
  "fails": { initialize: (visit) => visit.status(500) },
  "redirects elsewhere": {
    initialize: (visit) => visit.status(307, { location: "http://elsewhere.test:81/mcp" }),
  },
  "redirects within": { initialize: (visit) => visit.status(301, { location: "/secret/place" }) },
  "answers a call with garbage": {
    "tools/call": (visit) => visit.status(200, { "content-type": "text/html" }, "<p>"),
  },
  "breaks a call off": { "tools/call": (visit) => visit.stream().cut() },
  "fails a call": { "tools/call": (visit) => visit.status(503) },
};

describe("the error for a client of a remote server", () => {
  for (const [how, rules] of Object.entries(broken)) {
    test(`that ${how} names the server and the reason, not the URL`, async () => {
      const all = { ...sessionRules(), ...rules } as Rules;
      const { upstream, server } = await remotes.open(all, { era: "legacy" });
      const text = await failureOf(upstream);
      expect(text).toContain("remote");
      for (const place of [server.url, server.origin, "127.0.0.1", `${server.port}`, "elsewhere"]) {
        expect(text).not.toContain(place);
      }
    });
  }

  const nowhere = {
    "that is not there": "http://127.0.0.1:1/private/mcp",
    "of another family of addresses that is not there": "http://[::1]:1/private/mcp",
    "whose name is unknown": "http://no-such-host.invalid/private/mcp",
  };
  for (const [which, url] of Object.entries(nowhere)) {
    test(`${which}: names the server and the reason; the log has the URL`, async () => {
      const deps = await createTestDeps({ httpRetriesMax: 0 });
      const upstream = createUpstream(remoteConfig(url), deps);
      closing.push(upstream);
      const text = await failureOf(upstream);
      expect(text).toContain("remote");
      for (const place of ["private", "127.0.0.1", "::1", "invalid", "http"]) {
        expect(text).not.toContain(place);
      }
      const fields = deps.lines.map((line) => line.fields as JsonObject);
      expect(fields.some((one) => one["url"] === url)).toBe(true);
    });
  }

  test("that is a program names neither its path nor its directory; the log does", async () => {
    const faults = [
      { command: "/opt/private/bin/server-x" },
      { command: "/opt/private/bin/server-x --flag" },
      { cwd: "/opt/private/folder" },
    ];
    for (const fault of faults) {
      const deps = await createTestDeps();
      const upstream = createUpstream(hostileConfig([], fault), deps);
      closing.push(upstream);
      expect(await failureOf(upstream)).not.toContain("private");
      expect(deps.lines.some(({ fields }) => String(fields["error"]).includes("private")))
        .toBe(true);
    }
  });
});
