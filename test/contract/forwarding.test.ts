/**
 * Requests from one instance to another over real sockets: what arrives is what was sent, and
 * nothing that another party sends, repeats, changes or answers is taken for an instance's.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { createServer } from "node:net";
import { systemClock } from "../../src/clock.ts";
import { createAllowedTargets, loopbackTargets } from "../../src/instances/allowed_targets.ts";
import {
  createSeenNonces,
  type ForwardedRequest,
  forwardPath,
  signRequest,
} from "../../src/instances/forwarded_request.ts";
import { createForwarder, type Forwarded, type Forwarder } from "../../src/instances/forwarder.ts";
import { type AnswerForwarded, createInternalApi } from "../../src/instances/internal_api.ts";
import { deriveInternalKey, type InternalKey } from "../../src/instances/internal_key.ts";
import type { LiveInstance } from "../../src/instances/owner_table.ts";
import { defaultLimits, type Limits } from "../../src/limits.ts";
import { createTestClock } from "../support/clock.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { createTestLog } from "../support/log.ts";
import { until, within } from "../support/wait.ts";

const runtime = await createTestRuntime();
const secret = "the secret of all instances of one gateway";
const key = await deriveInternalKey(secret, runtime, defaultLimits);
const closing: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of closing.reverse()) await close();
});

const request: ForwardedRequest = {
  method: "POST",
  path: "/mcp?x=1",
  headers: { "mcp-session-id": "s", accept: "application/json" },
  principal: { id: "user:ann", roles: ["one"] },
  consumer: "user:ann",
  remoteAddress: "192.0.2.1",
  isHeldOpen: true,
  mayTake: false,
  body: '{"jsonrpc":"2.0","id":1.0,"method":"ping"}\n ÄÖ €',
};

/** Serves an instance's internal address; returns it as others know it. */
async function serveOwner(
  answer: AnswerForwarded,
  { limits = {}, own = key }: { readonly limits?: Partial<Limits>; readonly own?: InternalKey } =
    {},
): Promise<LiveInstance> {
  const bounds = { ...defaultLimits, ...limits };
  const log = createTestLog();
  const listener = await runtime.serve({
    hostname: "127.0.0.1",
    port: 0,
    listener: "fast",
    fetch: createInternalApi({
      name: "owner",
      key: own,
      clock: systemClock,
      limits: bounds,
      log,
      answer,
    }),
  });
  closing.push(() => listener.close(0));
  return instanceAt(`http://127.0.0.1:${listener.port}`);
}

const instanceAt = (url: string): LiveInstance => ({
  name: "owner",
  url,
  isDraining: false,
  startedAt: 0,
  owned: 0,
  calls: 0,
  term: 7,
});

function makeForwarder(
  {
    alive = async () => [],
    mayLack = () => false,
    allow = loopbackTargets,
    limits = {},
    own = key,
  }: {
    readonly alive?: () => Promise<readonly LiveInstance[]>;
    readonly mayLack?: () => boolean;
    readonly allow?: readonly string[];
    readonly limits?: Partial<Limits>;
    readonly own?: InternalKey;
  } = {},
): Forwarder {
  const forwarder = createForwarder({
    ownership: {
      name: "arrival",
      instances: alive,
      mayLack: async () => mayLack(),
    },
    key: own,
    allowed: createAllowedTargets(allow),
    runtime,
    clock: systemClock,
    limits: { ...defaultLimits, ...limits },
    log: createTestLog(),
  });
  closing.push(() => forwarder.close());
  return forwarder;
}

const stays = new AbortController().signal;

async function bodyOf(came: Forwarded): Promise<string> {
  if (came.kind !== "answered") throw new Error(`It was ${came.kind}`);
  const decoder = new TextDecoder();
  let text = "";
  for (let bytes = await came.body.next(); bytes !== undefined; bytes = await came.body.next()) {
    text += decoder.decode(bytes, { stream: true });
  }
  return text;
}

describe("a request that is passed on", () => {
  test("arrives as it was sent, and its answer as it was given", async () => {
    let arrived: ForwardedRequest | undefined;
    const owner = await serveOwner(async (one) => {
      arrived = one;
      return new Response("data: 1\n\n", { status: 202, headers: { "mcp-session-id": "s" } });
    });
    const came = await makeForwarder({ alive: async () => [owner] }).forward(owner, request, stays);
    expect(arrived).toEqual(request);
    expect(came).toMatchObject({ kind: "answered", head: { status: 202 } });
    if (came.kind === "answered") expect(came.head.headers).toContainEqual(["mcp-session-id", "s"]);
    expect(await bodyOf(came)).toBe("data: 1\n\n");
  });

  for (const chars of [0, 10, defaultLimits.forwardRecordBytesMax + 10]) {
    test(`gets an answer of ${chars} characters as it was given`, async () => {
      const text = "é".repeat(chars);
      const headers = { "content-type": "application/json" };
      const owner = await serveOwner(async () => new Response(text, { status: 404, headers }));
      const forwarder = makeForwarder({ alive: async () => [owner] });
      const came = await forwarder.forward(owner, request, stays);
      expect(came).toMatchObject({ kind: "answered", head: { status: 404 } });
      expect(await bodyOf(came)).toBe(text);
      expect(forwarder.open()).toBe(0);
    });
  }

  test("is refused unread if the receiver owns nothing of it", async () => {
    const owner = await serveOwner(async () => undefined);
    const came = await makeForwarder({ alive: async () => [owner] }).forward(owner, request, stays);
    expect(came).toEqual({ kind: "not_owner" });
  });

  test("streams its answer: a slow reader holds the owner back", async () => {
    let made = 0;
    const piece = new Uint8Array(64 * 1024);
    const owner = await serveOwner(async () =>
      new Response(
        new ReadableStream<Uint8Array>({
          pull(controller) {
            made += 1;
            controller.enqueue(piece);
          },
        }, { highWaterMark: 0 }),
      )
    );
    const came = await makeForwarder({ alive: async () => [owner] }).forward(owner, request, stays);
    if (came.kind !== "answered") throw new Error(came.kind);
    await came.body.next();
    // What the sockets of this machine take: it stops growing.
    let before = -1;
    await until("the owner waits", async () => {
      const isStill = before === made;
      before = made;
      await new Promise((resolve) => setTimeout(resolve, 300));
      return isStill;
    });
    expect(made).toBeLessThan(400);
    const then = made;
    for (let at = 0; at < then + 20; at += 1) await came.body.next();
    expect(made).toBeGreaterThan(then);
    came.body.cancel();
  });

  test("ends at the owner when its client leaves", async () => {
    let cancelled = (): void => {};
    const gone = new Promise<void>((resolve) => (cancelled = resolve));
    const owner = await serveOwner(async () =>
      new Response(
        new ReadableStream<Uint8Array>({
          start: (controller) => controller.enqueue(new Uint8Array([1])),
          cancel: () => cancelled(),
        }),
      )
    );
    const came = await makeForwarder({ alive: async () => [owner] }).forward(owner, request, stays);
    if (came.kind !== "answered") throw new Error(came.kind);
    await came.body.next();
    came.body.cancel();
    await within("the owner notices", gone);
  });
});

describe("a request of a stranger", () => {
  const count = { taken: 0 };
  const take: AnswerForwarded = async () => {
    count.taken += 1;
    return new Response("ok");
  };

  async function refused(
    change: (signed: { headers: Record<string, string>; body: string }) => void,
    own: InternalKey = key,
    clock = systemClock,
  ): Promise<number> {
    const owner = await serveOwner(take);
    const { headers, body } = await signRequest(request, {
      key: own,
      clock,
      from: "arrival",
      to: "owner",
    });
    const sent = { headers: { ...headers }, body };
    change(sent);
    const before = count.taken;
    const { status } = await fetch(`${owner.url}${forwardPath}`, { method: "POST", ...sent });
    expect(count.taken).toBe(before);
    return status;
  }

  test("without a signature is refused", async () => {
    expect(await refused(({ headers }) => void delete headers["mcp-wrapper-signature"])).toBe(400);
  });
  test("with another secret is refused", async () => {
    expect(await refused(() => {}, await deriveInternalKey(`${secret}!`, runtime, defaultLimits)))
      .toBe(401);
  });
  test("whose sender, receiver, digest or time was changed is refused", async () => {
    for (const name of ["from", "to", "digest", "time"]) {
      const change = (text = ""): string => text.replace(/.$/, (last) => last === "1" ? "2" : "1");
      const status = await refused(({ headers }) => {
        headers[`mcp-wrapper-${name}`] = change(headers[`mcp-wrapper-${name}`]);
      });
      expect([name, status]).toEqual([name, 401]);
    }
  });
  test("whose body was changed is refused", async () => {
    expect(await refused((sent) => void (sent.body = sent.body.replace("ann", "bob")))).toBe(401);
  });
  test("of a clock that is wrong is refused", async () => {
    for (const ms of [-20_000, 20_000]) {
      const clock = { ...systemClock, wall: () => Date.now() + ms };
      expect(await refused(() => {}, key, clock)).toBe(401);
    }
  });
  test("that comes twice is answered once", async () => {
    const owner = await serveOwner(take);
    const signed = await signRequest(request, {
      key,
      clock: systemClock,
      from: "arrival",
      to: "owner",
    });
    const send = async () =>
      (await fetch(`${owner.url}${forwardPath}`, { method: "POST", ...signed })).status;
    expect([await send(), await send()]).toEqual([200, 401]);
  });
  test("for any other path or method finds nothing", async () => {
    const owner = await serveOwner(take);
    for (const path of ["/", "/mcp", "/health", "/admin/status"]) {
      expect((await fetch(`${owner.url}${path}`)).status).toBe(404);
    }
    expect((await fetch(`${owner.url}${forwardPath}`)).status).toBe(404);
  });
  test("that is too large is refused before it is read", async () => {
    const owner = await serveOwner(take, { limits: { bodyBytesMax: 10, forwardHeadBytesMax: 10 } });
    const came = await makeForwarder().forward(owner, request, stays);
    expect(came).toEqual({ kind: "too_large" });
  });
});

describe("a request that is refused", () => {
  const none: AnswerForwarded = () => Promise.reject(new Error("It must not come"));

  test("by another instance at the address of the one that is gone was not sent", async () => {
    const owner = await serveOwner(none);
    const gone = { ...owner, name: "the owner before" };
    const came = await makeForwarder().forward(gone, request, stays);
    expect(came).toEqual({ kind: "failed", sent: false });
  });

  test("because there is no room for it was not taken", async () => {
    const owner = await serveOwner(none, { limits: { forwardNoncesMax: 0 } });
    expect(await makeForwarder().forward(owner, request, stays)).toEqual({ kind: "full" });
  });

  test("by a stranger may have been taken all the same", async () => {
    for (const status of [421, 503, 413, 401]) {
      const listener = await runtime.serve({
        hostname: "127.0.0.1",
        port: 0,
        listener: "fast",
        fetch: async () => new Response(null, { status }),
      });
      closing.push(() => listener.close(0));
      const stranger = instanceAt(`http://127.0.0.1:${listener.port}`);
      const came = await makeForwarder().forward(stranger, request, stays);
      expect(came).toEqual({ kind: "failed", sent: true });
    }
  });
});

test("one client leaves room for the others' requests to other instances", async () => {
  const owner = await serveOwner(() => new Promise(() => {}));
  const forwarder = makeForwarder({ limits: { forwardedMax: 20 } });
  const leaving = new AbortController();
  for (let count = 0; count < 19; count += 1) {
    void forwarder.forward(owner, request, leaving.signal);
  }
  expect(await forwarder.forward(owner, request, stays)).toEqual({ kind: "full" });
  void forwarder.forward(owner, { ...request, consumer: "user:bob" }, leaving.signal);
  expect(forwarder.open()).toBe(20);
  leaving.abort();
});

test("nonces are remembered for longer than a request is taken, and never without room", () => {
  const clock = createTestClock();
  const limits = { forwardSkewMs: 1_000, forwardNoncesMax: 3 };
  const nonces = createSeenNonces(clock, limits);
  expect(nonces.take("a")).toBe("fresh");
  clock.advance(1_999);
  expect(nonces.take("a")).toBe("repeated");
  clock.advance(2);
  expect(nonces.take("b")).toBe("fresh");
  expect(nonces.take("a")).toBe("repeated");
  expect([nonces.take("c"), nonces.take("d")]).toEqual(["fresh", "full"]);
  clock.advance(10_000);
  expect(nonces.take("d")).toBe("fresh");
});

describe("an instance that cannot be trusted with a request", () => {
  test("is not connected to unless the operator allows its host or network", async () => {
    let connections = 0;
    const server = createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closing.push(() => server.close());
    const { port } = server.address() as { port: number };
    const forwarder = makeForwarder({ allow: ["10.0.0.0/8", "gateway.internal"] });
    for (const url of [`http://127.0.0.1:${port}`, `http://localhost:${port}`]) {
      expect(await forwarder.forward(instanceAt(url), request, stays))
        .toEqual({ kind: "failed", sent: false });
    }
    expect(connections).toBe(0);
  });

  test("is judged by its host or by its address", () => {
    const allowed = createAllowedTargets(["10.0.0.0/8", "GW.internal", "fd00::/8"]);
    expect(allowed.refuse("http://10.1.2.3:80")).toBe(undefined);
    expect(allowed.refuse("http://192.0.2.1:80")).toContain("MCP_INTERNAL_ALLOW");
    expect(allowed.refuse("http://[fd00::1]:80/")).toBe(undefined);
    for (
      const url of [
        "https://10.1.2.3",
        "http://a:b@10.1.2.3",
        "http://10.1.2.3/x",
        "file:///x",
        "x",
      ]
    ) {
      expect(allowed.refuse(url)).toContain("plain http");
    }
    expect(allowed.allows("http://gw.internal", "192.0.2.1")).toBe(true);
    expect(allowed.allows("http://other.internal", "192.0.2.1")).toBe(false);
    expect(allowed.allows("http://other.internal", "10.0.0.9")).toBe(true);
    expect(createAllowedTargets(loopbackTargets).allows("http://x", "10.0.0.1")).toBe(false);
  });

  test("does not answer for the owner: its answer is not signed", async () => {
    const stranger = await serveOwner(async () => new Response("ok"), {
      own: await deriveInternalKey("another secret", runtime, defaultLimits),
    });
    const plain = await runtime.serve({
      hostname: "127.0.0.1",
      port: 0,
      listener: "fast",
      fetch: async () => new Response("x".repeat(1_000)),
    });
    closing.push(() => plain.close(0));
    for (const url of [stranger.url, `http://127.0.0.1:${plain.port}`]) {
      const came = await makeForwarder().forward(instanceAt(url), request, stays);
      expect(came).toEqual({ kind: "failed", sent: true });
    }
  });

  test("cannot give an answer to another request", async () => {
    const owner = await serveOwner(async () => new Response("the answer to the first"));
    const signed = await signRequest(request, {
      key,
      clock: systemClock,
      from: "arrival",
      to: "owner",
    });
    const first = await fetch(`${owner.url}${forwardPath}`, { method: "POST", ...signed });
    const kept = await first.arrayBuffer();
    const replaying = await runtime.serve({
      hostname: "127.0.0.1",
      port: 0,
      listener: "fast",
      fetch: async () => new Response(kept),
    });
    closing.push(() => replaying.close(0));
    const came = await makeForwarder().forward(
      instanceAt(`http://127.0.0.1:${replaying.port}`),
      request,
      stays,
    );
    expect(came).toEqual({ kind: "failed", sent: true });
  });
});

describe("an owner that fails", () => {
  test("before it was reached has done nothing", async () => {
    const came = await makeForwarder().forward(instanceAt("http://127.0.0.1:1"), request, stays);
    expect(came).toEqual({ kind: "failed", sent: false });
  });

  test("in the middle of an answer leaves it unfinished", async () => {
    const owner = await serveOwner(async () =>
      new Response(
        new ReadableStream<Uint8Array>({
          start: (controller) => controller.enqueue(new Uint8Array([1])),
          pull: () => new Promise((_, reject) => setTimeout(() => reject(new Error("dies")), 50)),
        }),
      )
    );
    const came = await makeForwarder({ alive: async () => [owner] }).forward(owner, request, stays);
    if (came.kind !== "answered") throw new Error(came.kind);
    expect(await came.body.next()).toEqual(new Uint8Array([1]));
    await expect(came.body.next()).rejects.toThrow();
  });

  test("silently is given up when its term has ended, and not when it has another", async () => {
    const owner = await serveOwner(() => new Promise(() => {}));
    // A table that lost its rows, in which both begin again, one after the other.
    let alive: readonly LiveInstance[] = [];
    let mayLack = true;
    const looks: number[] = [];
    const forwarder = makeForwarder({
      alive: async () => {
        looks.push(alive.length);
        return alive;
      },
      mayLack: () => mayLack,
      limits: { forwardCheckMs: 20 },
    });
    const looked = async (): Promise<void> => {
      const before = looks.length;
      await until("it has looked", () => looks.length > before + 1);
    };
    let came: Forwarded | undefined;
    const waiting = forwarder.forward(owner, request, stays).then((one) => (came = one));
    await looked();
    [alive, mayLack] = [[{ ...owner, term: owner.term + 1 }], false];
    await looked();
    expect(came).toBe(undefined);
    alive = [];
    await within("the request is given up", waiting);
    expect(came).toEqual({ kind: "failed", sent: true });
    expect(forwarder.open()).toBe(0);
  });
});
