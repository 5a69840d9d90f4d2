/** What the operator sees of log-ins at servers, and for whom links are made. */
import { describe, expect, test } from "bun:test";
import type { ServerConfig, ServerOAuthConfig } from "../../../src/config/config.ts";
import { createLoginSteering } from "../../../src/grants/login_steering.ts";
import type { FailedLogin, GrantReport } from "../../../src/grants/server_grants.ts";
import { defaultLimits } from "../../../src/limits.ts";
import { createTestClock } from "../../support/clock.ts";
import { http, readOne } from "../config/read.ts";

const each: ServerOAuthConfig = { grant: "each", connectTool: true };
const shared: ServerOAuthConfig = { grant: "shared", connectTool: true };
const hourMs = 3_600_000;

interface SteeringOptions {
  readonly isAsked?: boolean;
  readonly hasListener?: boolean;
  readonly failed?: FailedLogin;
}

/** The steering of one server, with these grants. */
async function open(
  oauth: ServerOAuthConfig | undefined,
  grants: readonly Partial<GrantReport>[] = [],
  { isAsked = false, hasListener = true, failed }: SteeringOptions = {},
) {
  const clock = createTestClock();
  const now = clock.wall();
  const { oauth: _own, ...remote } = http(await readOne({ url: "https://far.example/mcp" }));
  const server: ServerConfig = {
    ...remote,
    name: "far",
    ...(oauth === undefined ? {} : { oauth }),
  };
  const reports = grants.map((changes): GrantReport => ({
    server: "far",
    principal: "",
    issuer: "https://issuer.example",
    resource: "https://far.example/mcp",
    scopes: ["read"],
    grantedAt: now,
    expiresAt: now + hourMs,
    isRefreshable: true,
    ...changes,
  }));
  const loggedOut: unknown[] = [];
  const steering = createLoginSteering({
    grants: {
      hasGrant: async () => isAsked ? false : undefined,
      reports: async () => reports,
      failedLogin: () => failed,
      tellNeeds: async () => {},
      async logOut(...of) {
        loggedOut.push(of);
        return reports.length;
      },
    },
    place: {
      operatorUrlOf: async (name, principal) =>
        hasListener ? `http://gateway/${name}?link=${principal || "shared"}` : undefined,
    },
    servers: () => [server],
    clock,
    limits: defaultLimits,
  });
  return { steering, clock, now, loggedOut };
}

describe("a log-in at a server", () => {
  test("is needed once the server asked, and granted as long as a grant can be used", async () => {
    const dead = { problem: "was revoked", at: 1, isFinal: true };
    const late = { problem: "cannot be reached", at: 1, isFinal: false };
    const over = { expiresAt: 1, isRefreshable: false };
    const rows: [ServerOAuthConfig, Partial<GrantReport>[], boolean, string][] = [
      [shared, [], false, "unasked"],
      [shared, [], true, "needed"],
      [shared, [{}], false, "granted"],
      [shared, [{ failure: late }], true, "granted"],
      [shared, [{ failure: dead }], true, "needed"],
      [shared, [over], true, "needed"],
      [shared, [{ ...over, isRefreshable: true }], true, "granted"],
      [shared, [{ isRefreshable: false, expiresAt: undefined }], true, "granted"],
      // A grant of one principal serves no other.
      [shared, [{ principal: "user:ann" }], true, "needed"],
      [each, [{}], true, "needed"],
      [each, [{ principal: "user:ann" }], true, "granted"],
      [{ ...shared, problem: "needs a log-in, and …" }, [{}], true, "impossible"],
    ];
    for (const [oauth, grants, isAsked, state] of rows) {
      const { steering } = await open(oauth, grants, { isAsked });
      const report = await steering.report("far");
      expect([grants, isAsked, String(report.state)]).toEqual([grants, isAsked, state]);
      expect(await steering.list()).toEqual([report]);
    }
  });

  test("is shown with whose it is, its times, and its failure in words", async () => {
    const failure = { problem: "was revoked", at: 0, isFinal: true };
    const grants = [
      { principal: "user:ann", grantedAt: 1_000, refreshedAt: 2_000, expiresAt: 3_000 },
      { principal: "user:bob", grantedAt: 5_000, isRefreshable: false, failure },
    ];
    const { steering } = await open(each, grants);
    const { grants: shown } = await steering.report("far");
    const common = { issuer: "https://issuer.example", scopes: ["read"] };
    expect(shown).toMatchObject([
      {
        ...common,
        principal: "user:bob",
        grantedAt: "1970-01-01T00:00:05.000Z",
        isRefreshable: false,
        failure: { problem: "was revoked", at: "1970-01-01T00:00:00.000Z", isFinal: true },
      },
      {
        ...common,
        principal: "user:ann",
        grantedAt: "1970-01-01T00:00:01.000Z",
        refreshedAt: "1970-01-01T00:00:02.000Z",
        expiresAt: "1970-01-01T00:00:03.000Z",
        isRefreshable: true,
      },
    ]);
    const [all] = (await (await open(shared, [{}])).steering.report("far")).grants;
    expect(all).toMatchObject(common);
    expect(all?.principal).toBeUndefined();
  });

  test("is shown with the latest that failed, and for whom it was", async () => {
    const failed = { principal: "user:ann", problem: "was denied", at: 0 };
    const at = "1970-01-01T00:00:00.000Z";
    const reportOf = async (one: FailedLogin) =>
      (await (await open(each, [], { failed: one })).steering.report("far")).failedLogin;
    expect(await reportOf(failed)).toEqual({ principal: "user:ann", problem: "was denied", at });
    const forAll = await reportOf({ ...failed, principal: "" });
    expect([forAll?.principal, forAll?.at]).toEqual([undefined, at]);
  });
});

describe("a link", () => {
  test("is made for all where one grant serves all, else for the named principal", async () => {
    const one = await open(shared);
    expect(await one.steering.makeLink("far", undefined)).toEqual({
      url: "http://gateway/far?link=shared",
      expiresAt: new Date(one.now + defaultLimits.serverLinkMs).toISOString(),
    });
    const { steering } = await open(each);
    expect((await steering.makeLink("far", "user:ann")).url)
      .toBe("http://gateway/far?link=user:ann");
  });

  const wrong: [string, ServerOAuthConfig | undefined, string | undefined, string][] = [
    ["for a principal where one grant serves all", shared, "user:ann", "has one log-in for all"],
    ["for no principal where each has a grant", each, undefined, 'a principal such as "user:ann"'],
    ["for a principal that is no single one", each, "anonymous", "is no single principal"],
    ["for all where each has a grant", each, "", "is no single principal"],
    ["at a server that needs none", undefined, undefined, "needs no log-in"],
    ["where no grant can be used", { ...shared, problem: "is open" }, undefined, '"far" is open'],
  ];
  for (const [what, oauth, principal, words] of wrong) {
    test(`is not made ${what}`, async () => {
      const { steering } = await open(oauth);
      await expect(steering.makeLink("far", principal)).rejects.toThrow(words);
    });
  }

  test("is not made at an unknown server, or without a listener", async () => {
    const { steering } = await open(shared, [], { hasListener: false });
    await expect(steering.makeLink("near", undefined)).rejects.toThrow('Cannot find server "near"');
    await expect(steering.report("near")).rejects.toThrow("Cannot find server");
    await expect(steering.makeLink("far", undefined)).rejects.toThrow("has no listener");
  });
});

test("a log-out is of one principal or of all", async () => {
  const { steering, loggedOut } = await open(each, [{}, {}]);
  expect(await steering.logOut("far", "user:ann")).toBe(2);
  expect(await steering.logOut("far", undefined)).toBe(2);
  expect(loggedOut).toEqual([["far", "user:ann"], ["far", undefined]]);
  await expect(steering.logOut("near", undefined)).rejects.toThrow("Cannot find server");
});
