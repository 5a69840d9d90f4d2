/** The contract of the store of grants at protected servers, for every kind of storage. */
import { describe, expect, test } from "bun:test";
import type { ClientRegistration, Grant, GrantKey, GrantStore } from "../../src/grants/grant.ts";
import type { Limits } from "../../src/limits.ts";

/** Opens the stores of a kind, with some limits of the test's own. */
type OpenStores = (
  changes?: Partial<Limits>,
) => Promise<{ readonly grants: GrantStore; close(): Promise<void> }>;

/** The key of a grant. */
export const grantKey = (changes: Partial<GrantKey> = {}): GrantKey => ({
  server: "far",
  principal: "user:ada",
  issuer: "https://issuer.example",
  resource: "https://far.example/mcp",
  ...changes,
});

/** A grant with every part. */
export const fullGrant: Grant = {
  token: "the-token-日本",
  obtainedAt: 5,
  expiresAt: 3_600_005,
  refreshToken: "the-refresh-token",
  scopes: ["read", "write"],
  clientId: "the-client",
  grantedAt: 1,
  refreshedAt: 5,
  failure: { problem: "cannot be reached", at: 6, isFinal: false },
  proofKey: { kty: "EC", d: "the-private-part", key_ops: ["sign"] },
};

/** A grant with the parts that every grant has. */
export const bareGrant: Grant = {
  token: "another-token",
  obtainedAt: 1,
  scopes: [],
  clientId: "c",
  grantedAt: 1,
};

const registration: ClientRegistration = {
  issuer: "https://issuer.example",
  redirectUri: "http://127.0.0.1:3000/oauth/callback",
  clientId: "the-client",
  clientSecret: "the-client-secret",
  authMethod: "client_secret_basic",
  secretExpiresAt: 9,
};

/** The cases of one kind; `isKept`: its data outlives the process. */
export function describeGrantStore(name: string, open: OpenStores, isKept: boolean): void {
  const use = (
    what: string,
    run: (store: GrantStore) => Promise<void>,
    changes: Partial<Limits> = {},
  ) =>
    test(what, async () => {
      const { grants, close } = await open(changes);
      await run(grants);
      await close();
    });
  const tokenOf = async (store: GrantStore, { server, principal }: GrantKey) =>
    (await store.find(server, principal))
      .map(({ grant }) => grant === "unreadable" ? grant : grant.token);

  describe(`grants of servers, ${name}`, () => {
    use("come back as they were, each replaced by the next of its key", async (store) => {
      expect(await store.find("far", "user:ada")).toEqual([]);
      expect(await store.save(grantKey(), bareGrant)).toBe(true);
      expect(await store.find("far", "user:ada")).toEqual([{ key: grantKey(), grant: bareGrant }]);
      expect(await store.save(grantKey(), fullGrant)).toBe(true);
      expect(await store.find("far", "user:ada")).toEqual([{ key: grantKey(), grant: fullGrant }]);
      expect(await store.list()).toEqual([{ key: grantKey(), grant: fullGrant }]);
    });

    use("of another principal, server, issuer or resource are others", async (store) => {
      const others: Partial<GrantKey>[] = [
        { principal: "user:bob" },
        { principal: "" },
        { server: "near" },
        { issuer: "https://other.example" },
        { resource: "https://far.example/" },
      ];
      await store.save(grantKey(), fullGrant);
      for (const other of others) {
        await store.save(grantKey(other), { ...bareGrant, token: JSON.stringify(other) });
      }
      const found = await store.find("far", "user:ada");
      expect(found.map(({ key }) => key)).toEqual([
        grantKey({ resource: "https://far.example/" }),
        grantKey({ issuer: "https://other.example" }),
        grantKey(),
      ]);
      expect(found.at(-1)?.grant).toEqual(fullGrant);
      for (const other of others.slice(0, 3)) {
        expect(await tokenOf(store, grantKey(other))).toEqual([JSON.stringify(other)]);
      }
      expect(await store.find("FAR", "user:ada")).toEqual([]);
      expect(await store.find("far", "user:a")).toEqual([]);
      await store.remove(grantKey({ issuer: "https://other.example" }));
      expect((await store.list("far")).length).toBe(4);
      expect((await store.list("near")).length).toBe(1);
      expect((await store.list()).length).toBe(5);
      await store.remove(grantKey({ principal: "user:eve" }));
      expect((await store.list()).length).toBe(5);
    });

    use("are bounded for a principal at a server: the newest are kept", async (store) => {
      const issuers = ["1", "2", "1", "3"].map((issuer) => grantKey({ issuer }));
      await store.save(grantKey({ principal: "user:bob" }), bareGrant);
      await store.save(grantKey({ server: "near" }), bareGrant);
      for (const key of issuers) await store.save(key, bareGrant);
      const left = await store.find("far", "user:ada");
      expect(left.map(({ key }) => key.issuer)).toEqual(["3", "1"]);
      expect((await store.list()).length).toBe(4);
    }, { serverGrantsPerPrincipalMax: 2 });

    use("are bounded in all: the oldest go first", async (store) => {
      for (const principal of ["a", "b", "c", "a", "d"]) {
        await store.save(grantKey({ principal }), bareGrant);
      }
      expect((await store.list()).map(({ key }) => key.principal)).toEqual(["d", "a", "c"]);
    }, { serverGrantsMax: 3 });

    use("are used by one at a time, those of others meanwhile", async (store) => {
      const steps: string[] = [];
      const work = (name: string, key = grantKey()) =>
        store.inTurn(key, async () => {
          steps.push(`${name} begins`);
          await new Promise((resolve) => setTimeout(resolve, 0));
          steps.push(`${name} ends`);
          if (name === "one") throw new Error("it failed");
          return name;
        });
      const [one, two, other] = await Promise.allSettled([
        work("one"),
        work("two"),
        work("other", grantKey({ principal: "user:bob" })),
      ]);
      expect([one?.status, two?.status, other?.status])
        .toEqual(["rejected", "fulfilled", "fulfilled"]);
      expect(steps.indexOf("two begins")).toBeGreaterThan(steps.indexOf("one ends"));
      expect(steps.indexOf("other begins")).toBeLessThan(steps.indexOf("one ends"));
    });

    use("registrations are found for their issuer and redirect URI alone", async (store) => {
      const { issuer, redirectUri } = registration;
      expect(await store.findRegistration(issuer, redirectUri)).toBeUndefined();
      await store.saveRegistration({ ...registration, clientId: "older" });
      await store.saveRegistration(registration);
      const bare = { issuer, redirectUri: "u", clientId: "d", authMethod: "none" } as const;
      await store.saveRegistration(bare);
      expect(await store.findRegistration(issuer, redirectUri)).toEqual(registration);
      expect(await store.findRegistration(issuer, "u")).toEqual(bare);
      expect(await store.findRegistration("https://other.example", redirectUri)).toBeUndefined();
      expect(await store.findRegistration(`${issuer}/`, redirectUri)).toBeUndefined();
      await store.removeRegistration(issuer, redirectUri);
      expect(await store.findRegistration(issuer, redirectUri)).toBeUndefined();
      expect(await store.findRegistration(issuer, "u")).toEqual(bare);
    });

    use("registrations are bounded: the oldest go first", async (store) => {
      for (const issuer of ["a", "b", "a", "c"]) {
        await store.saveRegistration({ ...registration, issuer });
      }
      const left = await Promise.all(
        ["a", "b", "c"].map((issuer) => store.findRegistration(issuer, registration.redirectUri)),
      );
      expect(left.map((one) => one?.issuer)).toEqual(["a", undefined, "c"]);
    }, { serverRegistrationsMax: 2 });

    test(isKept ? "all of it survives a restart" : "all of it ends with the process", async () => {
      const before = await open();
      await before.grants.save(grantKey(), fullGrant);
      await before.grants.saveRegistration(registration);
      await before.close();
      const after = await open();
      const { issuer, redirectUri } = registration;
      expect([await after.grants.list(), await after.grants.findRegistration(issuer, redirectUri)])
        .toEqual(
          isKept ? [[{ key: grantKey(), grant: fullGrant }], registration] : [[], undefined],
        );
      await after.close();
    });
  });
}
