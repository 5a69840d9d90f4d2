/** Questions to the client and its answers, and cancellation, over Streamable HTTP. */
import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import {
  createHarness,
  errorOf,
  framesOf,
  request,
  slowCall,
  type TestSession,
} from "../../support/http_harness.ts";

const capabilities = { sampling: {}, elicitation: {}, roots: { listChanged: true } };
const sampling = { messages: [], maxTokens: 5 };
const respond = (session: TestSession, id: unknown, result: unknown) =>
  session.post({ jsonrpc: "2.0", id, result });

describe("questions", () => {
  test("a question of a call goes out on its stream, and the answer comes back", async () => {
    for (const revision of ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]) {
      const { connect, gateway } = createHarness();
      const session = await connect({ revision, capabilities });
      const answer = session.post(slowCall(1));
      const call = await gateway.nextCall();
      call.ask("ask-1", "sampling/createMessage", sampling);
      const stream = framesOf(await answer);
      const question = await stream.message();
      expect(question).toMatchObject({ method: "sampling/createMessage", params: sampling });
      const response = await respond(session, question.id, { role: "assistant", model: "m" });
      expect([response.status, await response.text()]).toEqual([202, ""]);
      expect(await call.answered).toEqual({
        kind: "answer",
        value: { role: "assistant", model: "m" },
      });
      expect(call.answers[0]?.askId).toBe("ask-1");
      call.result({ content: [] });
      expect(await stream.message()).toMatchObject({ id: 1, result: { content: [] } });
    }
  });

  test("a client's error is a refusal", async () => {
    const { connect, gateway } = createHarness();
    const session = await connect({ capabilities });
    const answer = session.post(slowCall(1));
    const call = await gateway.nextCall();
    call.ask("a", "roots/list", {});
    const stream = framesOf(await answer);
    const { id } = await stream.message();
    const error = { code: -1, message: "The person said no", data: { why: "no" } };
    expect((await session.post({ jsonrpc: "2.0", id, error })).status).toBe(202);
    expect(await call.answered).toEqual({ kind: "refusal", ...error });
    call.result({});
    await stream.rest();
  });

  test("what the client did not declare is refused without asking it", async () => {
    const { connect, gateway } = createHarness();
    const session = await connect();
    const answer = session.post(slowCall(1));
    const call = await gateway.nextCall();
    call.ask("a", "sampling/createMessage", sampling);
    expect(await call.answered).toMatchObject({ kind: "refusal" });
    call.result({});
    expect((await answer).headers.get("content-type")).toBe("application/json");
  });

  test("D5 an answer counts only in the session that was asked, and only once", async () => {
    const { connect, gateway } = createHarness();
    const [mine, theirs] = [await connect({ capabilities }), await connect({ capabilities })];
    const answer = mine.post(slowCall(1));
    const call = await gateway.nextCall();
    call.ask("a", "roots/list", {});
    const stream = framesOf(await answer);
    const { id } = await stream.message();
    const forged = await respond(theirs, id, { roots: [{ uri: "file:///evil" }] });
    expect(await errorOf(forged)).toMatchObject({ status: 400, code: -32600 });
    expect((await respond(mine, "no-such", {})).status).toBe(400);
    expect(call.answers).toEqual([]);
    expect((await respond(mine, id, { roots: [] })).status).toBe(202);
    expect(await call.answered).toEqual({ kind: "answer", value: { roots: [] } });
    expect((await respond(mine, id, { roots: [] })).status).toBe(400);
    call.result({});
    await stream.rest();
  });

  test("a client that takes only JSON is asked on its GET stream, or not at all", async () => {
    const { connect, gateway } = createHarness();
    const session = await connect({ revision: "2025-06-18", capabilities });
    const json = { accept: "application/json" };
    const first = session.post(slowCall(1), json);
    const deaf = await gateway.nextCall();
    deaf.ask("a", "roots/list", {});
    expect(await deaf.answered).toMatchObject({ kind: "refusal" });
    deaf.result({});
    await first;
    const listening = framesOf(await session.get());
    await listening.message();
    const second = session.post(slowCall(2), json);
    const call = await gateway.nextCall();
    call.ask("b", "roots/list", {});
    const { id } = await listening.message();
    await respond(session, id, { roots: [] });
    expect(await call.answered).toMatchObject({ kind: "answer" });
    call.result({});
    expect(await (await second).json()).toMatchObject({ id: 2, result: {} });
  });

  test("one outside of any call goes to the GET stream, or waits for it", async () => {
    const { connect, gateway } = createHarness();
    const session = await connect({ revision: "2025-06-18", capabilities });
    const [watch] = gateway.watches.values();
    const answer = watch?.watcher.ask({ kind: "ask", id: "x", method: "roots/list", params: {} });
    const stream = framesOf(await session.get());
    await stream.message();
    const { id, method } = await stream.message();
    expect(method).toBe("roots/list");
    await respond(session, id, { roots: [] });
    expect(await answer).toEqual({ kind: "answer", value: { roots: [] } });
  });

  test("without a GET stream, one outside of any call uses the stream of a call", async () => {
    const { connect, gateway } = createHarness();
    const session = await connect({ revision: "2025-06-18", capabilities });
    const posted = session.post(slowCall(1));
    const call = await gateway.nextCall();
    const [watch] = gateway.watches.values();
    const answer = watch?.watcher.ask({ kind: "ask", id: "x", method: "roots/list", params: {} });
    const stream = framesOf(await posted);
    const { id } = await stream.message();
    await respond(session, id, { roots: [] });
    expect(await answer).toMatchObject({ kind: "answer" });
    call.result({});
    await stream.rest();
  });

  test("no question waits forever: it is withdrawn, and the client gets its cancellation", async () => {
    const { connect, gateway, clock } = createHarness({ limits: { askMs: 5_000 } });
    const session = await connect({ revision: "2025-06-18", capabilities });
    const posted = session.post(slowCall(1));
    const call = await gateway.nextCall();
    call.ask("a", "roots/list", {});
    const stream = framesOf(await posted);
    const { id } = await stream.message();
    clock.advance(5_000);
    expect(await call.answered).toMatchObject({ kind: "refusal" });
    expect(await stream.message()).toMatchObject({
      method: "notifications/cancelled",
      params: { requestId: id },
    });
    expect((await respond(session, id, {})).status).toBe(400);
    call.result({});
    await stream.rest();
  });

  test("they end with their call and with their session", async () => {
    const { connect, gateway } = createHarness();
    const session = await connect({ revision: "2025-06-18", capabilities });
    const posted = session.post(slowCall(1));
    const call = await gateway.nextCall();
    call.ask("a", "roots/list", {});
    const stream = framesOf(await posted);
    const { id } = await stream.message();
    call.fail(new GatewayError("upstream_exited"));
    expect(await stream.message()).toMatchObject({ method: "notifications/cancelled" });
    expect(await stream.message()).toMatchObject({ id: 1, error: { code: -32603 } });
    expect((await respond(session, id, {})).status).toBe(400);
    const [watch] = gateway.watches.values();
    const answer = watch?.watcher.ask({ kind: "ask", id: "x", method: "roots/list", params: {} });
    await session.remove();
    expect(await answer).toMatchObject({ kind: "refusal" });
  });
});

describe("cancellation", () => {
  const cancel = (session: TestSession, requestId: unknown) =>
    session.post({
      jsonrpc: "2.0",
      method: "notifications/cancelled",
      params: { requestId, reason: "changed my mind" },
    });

  test("a cancelled call ends without an answer; its id is free again", async () => {
    const { connect, gateway, clock } = createHarness();
    const session = await connect();
    const quiet = session.post(slowCall(0));
    const first = await gateway.nextCall();
    expect((await cancel(session, 0)).status).toBe(202);
    expect(first.cancelled).toBe("changed my mind");
    const response = await quiet;
    expect([response.status, await response.text()]).toEqual([202, ""]);
    const streamed = session.post(slowCall(0));
    const second = await gateway.nextCall();
    clock.advance(1_000);
    const stream = framesOf(await streamed);
    const primed = await stream.next();
    await cancel(session, 0);
    expect(await stream.rest()).toEqual([]);
    expect(second.cancelled).toBe("changed my mind");
    // A client that resumes the stream gets the cancellation.
    expect((await session.get({ "last-event-id": primed?.id ?? "" })).status).toBe(204);
    expect((await session.post(request(0, "ping"))).status).toBe(200);
  });

  test("one of another session, or of an unknown request, changes nothing", async () => {
    const { connect, gateway } = createHarness();
    const [mine, theirs] = [await connect(), await connect()];
    const answer = mine.post(slowCall(1));
    const call = await gateway.nextCall();
    for (const id of [1, "1", 99]) expect((await cancel(theirs, id)).status).toBe(202);
    expect((await cancel(mine, "1")).status).toBe(202);
    expect(call.cancelled).toBe(undefined);
    call.result({});
    expect((await answer).status).toBe(200);
  });
});
