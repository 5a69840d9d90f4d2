/** Credentials of local programs: only in the environment of their own program, as of its start. */
import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ChildCredentials } from "../../../src/config/config.ts";
import { createUpstream } from "../../../src/upstream/upstream_kinds.ts";
import type { Upstream } from "../../../src/upstream/upstream.ts";
import { serveTokens, tokenReply, type TokenServer } from "../../support/token_server.ts";
import {
  callerOf,
  createTestDeps,
  failTool,
  hostileConfig,
  stateOf,
} from "../../support/upstream_deps.ts";
import { until } from "../../support/wait.ts";

const upstreams: Upstream[] = [];
const folders: string[] = [];
const servers: TokenServer[] = [];

async function open(childCredentials: ChildCredentials | undefined) {
  const deps = await createTestDeps();
  const upstream = createUpstream(hostileConfig([], { childCredentials }), deps);
  upstreams.push(upstream);
  return { upstream, deps };
}

function makeFile(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "child-credentials-"));
  folders.push(folder);
  const file = join(folder, "token");
  writeFileSync(file, text);
  return file;
}

afterEach(async () => {
  await Promise.all(upstreams.splice(0).map((upstream) => upstream.close()));
  await Promise.all(servers.splice(0).map((server) => server.close()));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

describe("H2 a program", () => {
  test("finds its credentials in the variables that it reads, and others do not", async () => {
    const bearer = { type: "bearer", token: "the-token" } as const;
    const { upstream } = await open({ credentials: bearer, variables: { value: "GIVEN_TOKEN" } });
    const { upstream: other } = await open(undefined);
    const before = (await stateOf(other)).env;
    expect((await stateOf(upstream)).env).toEqual({ ...before, GIVEN_TOKEN: "the-token" });
    expect(Object.values((await stateOf(upstream)).argv).join()).not.toContain("the-token");
  });

  test("finds a user name and a password in separate variables", async () => {
    const basic = { type: "basic", username: "me", password: "p w" } as const;
    const { upstream } = await open({
      credentials: basic,
      variables: { username: "A", password: "B" },
    });
    const { A, B } = (await stateOf(upstream)).env;
    expect([A, B]).toEqual(["me", "p w"]);
    const key = { type: "api_key", in: "header", name: "x", prefix: "Token ", key: "abc" } as const;
    const { upstream: second } = await open({ credentials: key, variables: { value: "A" } });
    expect((await stateOf(second)).env["A"]).toBe("abc");
  });

  test("finds a token that was fetched for it", async () => {
    const tokens = await serveTokens(({ count }) => tokenReply(`token-${count}`));
    servers.push(tokens);
    const { upstream } = await open({
      credentials: {
        type: "oauth2",
        grant: "client_credentials",
        clientAuthentication: "basic",
        tokenUrl: tokens.tokenUrl,
        clientId: "me",
        clientSecret: "client-secret",
      },
      variables: { value: "A" },
    });
    const { env } = await stateOf(upstream);
    expect(env["A"]).toBe("token-1");
    expect(Object.values(env)).not.toContain("client-secret");
  });

  test("gets the current text of the file at each start", async () => {
    const file = makeFile("first\n");
    const { upstream } = await open({
      credentials: { type: "bearer", token: { file } },
      variables: { value: "A" },
    });
    const [one, other] = [callerOf("one"), callerOf("other")];
    expect((await stateOf(upstream, one)).env["A"]).toBe("first");
    writeFileSync(file, "second\n");
    expect((await stateOf(upstream, other)).env["A"]).toBe("second");
    expect((await stateOf(upstream, one)).env["A"]).toBe("first");
  });

  test("is not started without them, and starts once they are available", async () => {
    const file = makeFile("");
    const { upstream, deps } = await open({
      credentials: { type: "bearer", token: { file } },
      variables: { value: "A" },
    });
    const { message } = await failTool(upstream, "state");
    expect(message).toContain("the file of credentials.token: expected a token, got an empty text");
    expect(deps.everHeld).toEqual([]);
    expect(upstream.status().state).not.toBe("failed");
    writeFileSync(file, "the-token");
    const state = await until(
      "the start that is tried again",
      () => stateOf(upstream, callerOf("later")).catch(() => undefined),
    );
    expect(state.env["A"]).toBe("the-token");
  });
});
