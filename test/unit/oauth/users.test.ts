/** Users, their passwords and their links, below the pages. */
import { describe, expect, test } from "bun:test";
import { defaultLimits } from "../../../src/limits.ts";
import { createPasswords } from "../../../src/oauth/passwords.ts";
import { createUsers } from "../../../src/oauth/users.ts";
import { createMemoryUsers } from "../../../src/store/memory_users.ts";
import { createTestClock } from "../../support/clock.ts";
import { createTestRuntime } from "../../support/fake_runtime.ts";

const { nextTurn } = await createTestRuntime();
const limits = { ...defaultLimits, passwordMemoryKib: 64 };
const password = "correct horse battery";

function create() {
  const clock = createTestClock();
  const store = createMemoryUsers();
  const revoked: string[] = [];
  const loggedOut: string[] = [];
  const users = createUsers({
    store,
    passwords: createPasswords({ limits, clock: createTestClock(), nextTurn }),
    clock,
    limits,
    revokePrincipal: async (principal) => revoked.push(principal),
    logOut: async (name) => void loggedOut.push(name),
  });
  return { users, store, clock, revoked, loggedOut };
}

const none = { roles: [], groups: [] };

describe("a password", () => {
  test("is kept as argon2id with 19 MiB and 2 passes, with a salt of its own", async () => {
    const passwords = createPasswords({
      limits: defaultLimits,
      clock: createTestClock(),
      nextTurn,
    });
    const hashes = await Promise.all([passwords.hash(password), passwords.hash(password)]);
    for (const hash of hashes) {
      expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
      expect(await passwords.check(hash, password)).toBe(true);
      expect(await passwords.check(hash, `${password} `)).toBe(false);
    }
    expect(hashes[0]).not.toBe(hashes[1]);
  });

  test("is the same however its letters are spelled in Unicode", async () => {
    const passwords = createPasswords({ limits, clock: createTestClock(), nextTurn });
    const hash = await passwords.hash("p\u00e4ssword");
    expect(await passwords.check(hash, "pa\u0308ssword")).toBe(true);
  });

  test("of another implementation in the same form is understood", async () => {
    const passwords = createPasswords({ limits, clock: createTestClock(), nextTurn });
    // RFC 9106's algorithm with 64 KiB, 2 passes: made by Bun.password, which is another implementation.
    const hash =
      "$argon2id$v=19$m=64,t=2,p=1$VBWJ/AokuFQ4yZpRX0dLRONw+6jjIOeHG8zOj37haG8$SXqaGvg6Vipp86ZQwdGp35Bp62gNXk25Fp8yt6F9VTg";
    expect(await passwords.check(hash, password)).toBe(true);
    expect(await passwords.check(hash, "wrong horse battery")).toBe(false);
  });

  test("is hashed only when as much time has passed as the one before it took", async () => {
    const clock = createTestClock();
    let readings = 0;
    const slow = { after: clock.after, monotonic: () => 60 * (readings += 1) };
    const passwords = createPasswords({ limits, clock: slow, nextTurn });
    let count = 0;
    const note = () => void (count += 1);
    const both = [passwords.hash(password).then(note), passwords.hash(password).then(note)];
    await both[0];
    for (let turn = 0; turn < 20; turn += 1) await new Promise((done) => setTimeout(done));
    expect(count).toBe(1);
    clock.advance(60);
    await both[1];
    expect(count).toBe(2);
  });

  test("fits no user without one, and none is empty or endless", async () => {
    const passwords = createPasswords({ limits, clock: createTestClock(), nextTurn });
    for (const shown of ["", password, "x".repeat(100_000)]) {
      expect(await passwords.check(undefined, shown)).toBe(false);
    }
  });

  test("is refused when it is short, long, monotonous or the name", async () => {
    const { users } = create();
    for (
      const [given, words] of [
        ["elevenchars", "at least 12"],
        ["x".repeat(1_025), "at most 1024"],
        ["abababababababab", "5 different"],
        ["annabelle-maria1", "not made from the name"],
      ] as const
    ) {
      const added = users.add("annabelle-maria", { ...none, password: given });
      await expect(added).rejects.toThrow(words);
      await added.catch((error) => expect(String(error)).not.toContain(given));
    }
    expect(await users.list()).toEqual([]);
  });
});

describe("a user", () => {
  test("is listed without any hash, and logs in with the exact name", async () => {
    const { users, clock } = create();
    await users.add("Ann@example.com", { roles: ["a", "a"], groups: [], password });
    clock.advance(5_000);
    expect(await users.byPassword("ann@example.com", password)).toBeUndefined();
    expect(await users.byPassword("Ann@example.com", password))
      .toEqual({ name: "Ann@example.com", roles: ["a"], groups: [] });
    expect(await users.list()).toEqual([{
      name: "Ann@example.com",
      roles: ["a"],
      groups: [],
      hasPassword: true,
      createdAt: "2023-11-14T22:13:20.000Z",
      usedAt: "2023-11-14T22:13:25.000Z",
    }]);
  });

  test("has a name that is safe in logs and principals", async () => {
    const { users } = create();
    for (
      const name of ["", " ", "a b", "a#b", "a:b", ".a", "a/b", "a\u202eb", "x".repeat(129), "a\n"]
    ) {
      await expect(users.add(name, none)).rejects.toThrow("Cannot use user name");
    }
    for (const name of ["a", "änn", "日本", "a.b+c@d-e.f"]) await users.add(name, none);
    // The same name, typed in another form of Unicode.
    await expect(users.add("a\u0308nn", none)).rejects.toThrow("there is a user of this name");
  });

  test("loses what was granted when it is removed, or its password is changed", async () => {
    const { users, revoked, loggedOut } = create();
    await users.add("ann", { ...none, password });
    await users.setPassword("ann", "another long password");
    expect([revoked, loggedOut]).toEqual([["user:ann"], ["ann"]]);
    await users.remove("ann");
    expect([revoked, loggedOut]).toEqual([["user:ann", "user:ann"], ["ann", "ann"]]);
    await expect(users.remove("ann")).rejects.toThrow('Cannot find user "ann"');
    await expect(users.setPassword("ann", password)).rejects.toThrow('Cannot find user "ann"');
    await expect(users.makeLink("ann")).rejects.toThrow('Cannot find user "ann"');
  });

  test("whose password is replaced during the log-in is not logged in with the old one", async () => {
    const { users, store } = create();
    await users.add("ann", { ...none, password });
    const attempt = users.byPassword("ann", password);
    await store.update("ann", (row) => ({ ...row, password: "$argon2id$other" }));
    expect(await attempt).toBeUndefined();
  });

  test("is one of as many as the limit says", async () => {
    const { store, clock } = create();
    const users = createUsers({
      store,
      passwords: createPasswords({ limits, clock: createTestClock(), nextTurn }),
      clock,
      limits: { ...limits, usersMax: 1 },
      revokePrincipal: async () => 0,
      logOut: async () => {},
    });
    await users.add("a", none);
    await expect(users.add("b", none)).rejects.toThrow("there are 1 users");
  });
});

describe("a log-in link", () => {
  const tokenOf = ({ path }: { readonly path: string }) =>
    new URL(path, "http://x").searchParams.get("token") ?? "";

  test("works once, within ten minutes, for its user alone, until there is a newer one", async () => {
    const { users, clock, store } = create();
    await users.add("bob", none);
    await users.add("ann", none);
    const first = tokenOf(await users.makeLink("bob"));
    const second = tokenOf(await users.makeLink("bob"));
    expect(JSON.stringify(await store.all())).not.toContain(second);
    expect(await users.byLink("bob", first)).toBeUndefined();
    expect(await users.byLink("ann", second)).toBeUndefined();
    const together = await Promise.all([users.byLink("bob", second), users.byLink("bob", second)]);
    expect(together.filter((person) => person !== undefined).length).toBe(1);
    const late = tokenOf(await users.makeLink("bob"));
    clock.advance(600_000);
    expect(await users.byLink("bob", late)).toBeUndefined();
    const replaced = tokenOf(await users.makeLink("bob"));
    await users.setPassword("bob", password);
    expect(await users.byLink("bob", replaced)).toBeUndefined();
  });
});
