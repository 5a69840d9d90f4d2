/** The contract of the store of the authorization server, for every kind of storage. */
import { describe, expect, test } from "bun:test";
import type {
  ClientRow,
  GrantRow,
  OAuthStore,
  OAuthTokenRow,
} from "../../src/oauth/oauth_store.ts";

/** Opens the stores of a kind. */
type OpenStores = () => Promise<{ readonly oauth: OAuthStore; close(): Promise<void> }>;

const client = (id: string, changes: Partial<ClientRow> = {}): ClientRow => ({
  id,
  kind: "registration",
  body: { client_name: "名", redirect_uris: ["https://a.example/cb"], "__proto__x": [null] },
  createdAt: 100,
  ...changes,
});
const grant = (id: string, changes: Partial<GrantRow> = {}): GrantRow => ({
  id,
  client: "c",
  principal: "user:ada",
  body: { scopes: ["mcp"] },
  createdAt: 100,
  ...changes,
});
const token = (digest: string, changes: Partial<OAuthTokenRow> = {}): OAuthTokenRow => ({
  digest,
  grantId: "g",
  kind: "access",
  body: { scopes: ["mcp"] },
  expiresAt: 1_000,
  ...changes,
});

/** The cases of one kind; `isKept`: its data outlives the process. */
export function describeOAuthStore(name: string, open: OpenStores, isKept: boolean): void {
  const use = (what: string, run: (store: OAuthStore) => Promise<void>) =>
    test(what, async () => {
      const { oauth, close } = await open();
      await run(oauth);
      await close();
    });

  describe(`the authorization server, ${name}`, () => {
    use("finds what was put, as it was, and nothing else", async (store) => {
      const used = client("used", { usedAt: 7, kind: "document" });
      await store.commit({
        clients: [client("c"), used],
        grants: [grant("g")],
        tokens: [token("t")],
      });
      expect(await store.client("c")).toEqual(client("c"));
      expect(await store.client("used")).toEqual(used);
      expect(await store.client("C")).toBeUndefined();
      expect(await store.countClients()).toBe(2);
      expect((await store.clients()).length).toBe(2);
      expect(await store.grants({ id: "g" })).toEqual([grant("g")]);
      expect(await store.token("t")).toEqual(token("t"));
      expect(await store.token("T")).toBeUndefined();
    });

    use("finds grants by id, client and principal, and by all of them", async (store) => {
      const bob = grant("b", { principal: "user:bob" });
      await store.commit({ grants: [grant("a"), bob, grant("o", { client: "other" })] });
      const ids = async (filter?: Parameters<OAuthStore["grants"]>[0]) =>
        (await store.grants(filter)).map(({ id }) => id).toSorted();
      expect(await ids()).toEqual(["a", "b", "o"]);
      expect(await ids({ client: "c" })).toEqual(["a", "b"]);
      expect(await ids({ principal: "user:ada" })).toEqual(["a", "o"]);
      expect(await ids({ client: "c", principal: "user:ada" })).toEqual(["a"]);
      expect(await ids({ id: "" })).toEqual([]);
    });

    use("changes nothing if a row is not the expected one", async (store) => {
      await store.commit({ tokens: [token("t")] });
      const used = token("t", { body: { scopes: ["mcp"], usedAt: 5 } });
      const commit = (row: OAuthTokenRow | undefined) =>
        store.commit({ expect: { digest: "t", row }, tokens: [used], grants: [grant("g")] });
      expect(await commit(undefined)).toBe(false);
      expect(await commit(token("t", { expiresAt: 999 }))).toBe(false);
      expect(await store.grants()).toEqual([]);
      expect(await commit(token("t"))).toBe(true);
      expect(await commit(token("t"))).toBe(false);
      expect(await store.token("t")).toEqual(used);
    });

    use("lets only one of many at the same time have its way", async (store) => {
      const row = token("t");
      await store.commit({ tokens: [row] });
      const won = await Promise.all(
        [1, 2, 3, 4].map((at) =>
          store.commit({ expect: { digest: "t", row }, tokens: [token("t", { expiresAt: at })] })
        ),
      );
      expect(won.filter((isFirst) => isFirst).length).toBe(1);
    });

    use("removes a grant with its codes and tokens, once", async (store) => {
      await store.commit({
        grants: [grant("g"), grant("h")],
        tokens: [token("t"), token("u", { kind: "refresh" }), token("v", { grantId: "h" })],
      });
      expect(await store.removeGrants({ id: "g" })).toEqual([grant("g")]);
      expect(await store.removeGrants({ id: "g" })).toEqual([]);
      expect(await store.token("t")).toBeUndefined();
      expect(await store.token("u")).toBeUndefined();
      expect(await store.token("v")).toBeDefined();
      expect(await store.removeToken("v")).toBe(true);
      expect(await store.removeToken("v")).toBe(false);
    });

    use("removes a client with all that it was granted", async (store) => {
      await store.commit({ clients: [client("c")], grants: [grant("g")], tokens: [token("t")] });
      expect(await store.removeClient("c")).toBe(true);
      expect(await store.removeClient("c")).toBe(false);
      expect(await store.grants()).toEqual([]);
      expect(await store.token("t")).toBeUndefined();
    });

    use("sweeps what is over, and never a client with a grant", async (store) => {
      await store.commit({
        clients: [
          client("c"),
          client("unused"),
          client("idle", { usedAt: 50 }),
          client("fresh", { createdAt: 500 }),
          client("recent", { usedAt: 400 }),
        ],
        grants: [grant("g"), grant("over")],
        tokens: [
          token("old", { expiresAt: 600 }),
          token("live", { expiresAt: 601 }),
          token("code", { grantId: "pending", kind: "code", expiresAt: 700 }),
          token("last", { grantId: "over", expiresAt: 10 }),
        ],
      });
      await store.sweep({ now: 600, unusedBefore: 400, idleBefore: 200 });
      expect(await store.token("old")).toBeUndefined();
      expect(await store.token("live")).toBeDefined();
      expect(await store.token("code")).toBeDefined();
      expect((await store.grants()).map(({ id }) => id)).toEqual(["g"]);
      const left = (await store.clients()).map(({ id }) => id).toSorted();
      expect(left).toEqual(["c", "fresh", "recent"]);
    });

    use("makes room by the oldest client that was never used", async (store) => {
      await store.commit({
        clients: [
          client("used", { createdAt: 1, usedAt: 2 }),
          client("older", { createdAt: 10 }),
          client("newer", { createdAt: 20 }),
        ],
      });
      expect(await store.removeUnused(15)).toBe(true);
      expect(await store.removeUnused(15)).toBe(false);
      const left = (await store.clients()).map(({ id }) => id).toSorted();
      expect(left).toEqual(["newer", "used"]);
    });

    test(isKept ? "keeps all of it over a restart" : "ends with the process", async () => {
      const before = await open();
      await before.oauth.commit({
        clients: [client("c")],
        grants: [grant("g")],
        tokens: [token("t")],
      });
      await before.close();
      const after = await open();
      expect(await after.oauth.client("c")).toEqual(isKept ? client("c") : undefined);
      expect(await after.oauth.grants()).toEqual(isKept ? [grant("g")] : []);
      expect(await after.oauth.token("t")).toEqual(isKept ? token("t") : undefined);
      await after.close();
    });
  });
}
