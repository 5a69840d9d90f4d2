/**
 * Two persons behind one real gateway with one protected server: thousands of calls of every kind,
 * under refreshes, revocations, restarts and `kill -9`. Each answer names its own person, no log-in
 * is lost, and no token, code, verifier or client secret is anywhere in clear.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { openAdminCalls } from "../support/admin_calls.ts";
import { createSeededRandom, isThorough, testSeed } from "../support/random.ts";
import { thisRuntime } from "../support/runtimes.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import {
  createPersonClients,
  type Outcome,
  type Person,
  type PersonClients,
  persons,
  serverNames,
} from "../support/two_persons.ts";
import { startTwoPersonsServer, type TwoPersonsServer } from "../support/two_persons_server.ts";
import { until } from "../support/wait.ts";

const testMs = 300_000;
const isWhole = thisRuntime === "bun" && process.env["MCP_TEST_ALL"] === "true";
/** The answers that must name their person, over all phases. */
const callsMin = isWhole ? 10_000 : isThorough ? 500 : 250;
const atOnce = 12;
const random = createSeededRandom(testSeed);

let far: TwoPersonsServer;
let gateway: SpawnedGateway;
let ann: PersonClients;
let ben: PersonClients;
const bodies: string[] = [];
const total = { own: 0, login: 0, lost: 0 };

beforeAll(async () => {
  far = await startTwoPersonsServer();
  gateway = await spawnGateway({
    servers: {
      calls: { url: `${far.origin}/mcp` },
      sessions: { url: `${far.origin}/sessions` },
    },
    env: { MCP_AUTH: "key", MCP_ADMIN_PORT: "0", LOG_LEVEL: "DEBUG" },
  });
  const admin = await openAdminCalls(gateway.directory);
  const clientsOf = async (person: Person) => {
    const { body } = await admin.call("POST", "/admin/keys", {
      as: "owner",
      body: { name: person },
    });
    return createPersonClients({
      person,
      key: String(body["key"]),
      url: gateway.url,
      seen: (text) => void bodies.push(text),
    });
  };
  [ann, ben] = [await clientsOf(persons[0]), await clientsOf(persons[1])];
}, testMs);

afterAll(async () => {
  await gateway?.dispose();
  await far?.close();
}, testMs);

/** Calls of both persons until so many were answered; `watch` sees each outcome. */
async function callMany(
  share: number,
  watch: (outcome: Outcome, who: PersonClients) => void = mustBeOwn,
): Promise<void> {
  let left = Math.ceil(callsMin * share);
  const work = async () => {
    while (left > 0) {
      const who = random() < 0.5 ? ann : ben;
      const outcome = await who.call(random);
      if (outcome === "own") left -= 1;
      if (typeof outcome === "string") total[outcome] += 1;
      watch(outcome, who);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

function mustBeOwn(outcome: Outcome, { person }: PersonClients): void {
  if (outcome !== "own") {
    throw new Error(`${person}: ${JSON.stringify(outcome)} (MCP_TEST_SEED=${testSeed})`);
  }
}

const logInEverywhere = async (who: PersonClients) => {
  for (const server of serverNames) await who.logIn(server);
};

/** Both persons' tokens live for minutes, so that no refresh is under way for a while. */
async function untilLasting(): Promise<void> {
  far.livesSeconds = 600;
  await until("long tokens", async () => {
    await callMany(0.005);
    return far.areLasting(300);
  });
}

describe("two persons", () => {
  test("log in, each by a link of their own, and get no answer before", async () => {
    const outcomes: Outcome[] = [];
    for (let count = 0; count < 40; count += 1) {
      outcomes.push(await (count % 2 === 0 ? ann : ben).call(random));
    }
    expect(new Set(outcomes)).toEqual(new Set(["login"]));
    await logInEverywhere(ann);
    const others = await Promise.all(Array.from({ length: 10 }, () => ben.call(random)));
    expect(new Set(others)).toEqual(new Set(["login"]));
    await logInEverywhere(ben);
    await callMany(0.1);
  }, testMs);

  test("are not mixed up while tokens live for three seconds", async () => {
    far.livesSeconds = 3;
    for (const { person } of [ann, ben]) await far.endTokens(person);
    const before = far.given.refreshes;
    await until("some refreshes", async () => {
      await callMany(0.05);
      return far.given.refreshes - before > 8;
    });
    await callMany(0.2);
    await untilLasting();
  }, testMs);

  test("are not affected by the end of the other one's grants at the issuer", async () => {
    let hasEnded = false;
    const logins = new Set<Person>();
    const watch = (outcome: Outcome, who: PersonClients) => {
      if (outcome === "login" && hasEnded) logins.add(who.person);
      else mustBeOwn(outcome, who);
    };
    const running = callMany(0.1, watch);
    hasEnded = true;
    await far.endGrants(ben.person);
    await running;
    await until("ben needs a log-in", async () => await ben.call(random) === "login");
    await callMany(0.05, watch);
    expect([...logins]).toEqual([ben.person]);
    await logInEverywhere(ben);
    await callMany(0.05);
  }, testMs);

  test("are not affected by a log-out of the other one at the gateway", async () => {
    const admin = await openAdminCalls(gateway.directory);
    const logins = new Set<Person>();
    const watch = (outcome: Outcome, who: PersonClients) => {
      if (outcome === "login") logins.add(who.person);
      // Her connections end with her grant.
      else if (outcome !== "lost" || who !== ann) mustBeOwn(outcome, who);
    };
    const running = callMany(0.1, watch);
    for (const server of serverNames) {
      const path = `/admin/servers/${server}/logins?principal=key:${ann.person}`;
      const answer = await admin.call("DELETE", path, { as: "owner" });
      expect(answer.body).toEqual({ name: server, revoked: 1 });
    }
    await running;
    await callMany(0.05, watch);
    expect([...logins]).toEqual([ann.person]);
    await logInEverywhere(ann);
    await callMany(0.05);
  }, testMs);

  test("keep their log-ins over kill -9 in the middle of calls, and over a restart", async () => {
    const before = { ...far.given };
    const tolerant = (outcome: Outcome, who: PersonClients) => {
      if (outcome === "lost") who.forget();
      else mustBeOwn(outcome, who);
    };
    for (const end of ["kill9", "stop"] as const) {
      await untilLasting();
      let isDown = true;
      const running = (async () => {
        while (isDown) {
          await Promise.all([callMany(0.01, tolerant), new Promise((go) => setTimeout(go, 20))]);
        }
      })();
      await gateway[end]();
      await gateway.restart();
      isDown = false;
      await running;
      for (const who of [ann, ben]) who.forget();
      // New tokens by the refresh tokens that survived.
      for (const { person } of [ann, ben]) await far.endTokens(person);
      await callMany(0.15);
    }
    expect(far.given.codes).toBe(before.codes);
    expect(far.given.refreshes - before.refreshes).toBeGreaterThanOrEqual(8);
  }, testMs);

  test("had nothing of each other in thousands of answers", () => {
    expect(total.own).toBeGreaterThanOrEqual(callsMin);
    expect(far.violations).toEqual([]);
    // Ben's grants ended at the issuer, at two servers; nothing else was refused, or sent twice.
    expect([far.refused, far.refused.length <= serverNames.length]).toEqual([far.refused, true]);
  });
});

describe("the tokens, codes, verifiers and client secrets of all that", () => {
  /** Every word that could be one, in a text. */
  const leaksIn = (text: string): string[] =>
    (text.match(/[\w~.-]{16,}/g) ?? []).filter((word) => far.secrets.has(word));
  /** A text within base64, at each of its three places. */
  const shapesOf = (secret: string): string[] =>
    [0, 1, 2].map((shift) => btoa("x".repeat(shift) + secret).slice(shift === 0 ? 0 : 4, -4));

  test("are known to the test, and found where they are", () => {
    const { codes, refreshes, clientSecrets } = far.given;
    expect(clientSecrets).toBeGreaterThan(0);
    // A code, a verifier and two tokens of each log-in; two tokens of each refresh.
    expect(far.secrets.size).toBe(4 * codes + 2 * refreshes + clientSecrets);
    const [secret = ""] = far.secrets;
    expect(leaksIn(`{"token":"${secret}"}`)).toEqual([secret]);
  });

  test("are in no answer, page or error", () => {
    expect(bodies.length).toBeGreaterThan(callsMin);
    expect(bodies.filter((body) => leaksIn(body).length > 0)).toEqual([]);
  });

  test("are in no line of the log at its most verbose", () => {
    const log = gateway.log();
    expect(log).toContain("DEBUG");
    for (const secret of far.secrets) {
      for (const shape of [secret, ...shapesOf(secret)]) {
        if (log.includes(shape)) throw new Error(`In the log: ${shape.slice(0, 8)}…`);
      }
    }
  });

  test("are in no file of the gateway, its database included", () => {
    const files = readdirSync(gateway.directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    expect(files.some((file) => /\.(?:db|sqlite)(?:-wal)?$/.test(file))).toBe(true);
    const texts = files.map((file) => [file, readFileSync(file, "latin1")] as const);
    for (const secret of far.secrets) {
      for (const shape of [secret, ...shapesOf(secret)]) {
        const found = texts.filter(([, text]) => text.includes(shape)).map(([file]) => file);
        expect(found).toEqual([]);
      }
    }
  });
});
