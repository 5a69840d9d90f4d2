/**
 * A wall clock that jumps a day, forward or back: what is under way goes on, and what ends after
 * some minutes still does. The monotonic clock never jumps.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { defaultLimits } from "../../src/limits.ts";
import {
  approve,
  askAuthorization,
  knock,
  logIn,
  type OAuthGateway,
  openOAuthGateway,
  redeem,
  refresh,
  register,
} from "../support/oauth_gateway.ts";
import { openPageGateway, type PageGateway } from "../support/page_gateway.ts";
import { openSessionClient } from "../support/played_clients.ts";
import { type PlayedGateway, startPlayed } from "../support/played_gateway.ts";
import {
  answersTo,
  createStatelessCaller,
  everything,
  type StatelessAnswer,
} from "../support/stateless_caller.ts";

const day = 24 * 3_600_000;
const minute = 60_000;
const jumps = [["forward", day], ["back", -day]] as const;

let played: PlayedGateway | undefined;
let opened: OAuthGateway | PageGateway | undefined;
afterEach(async () => {
  await played?.close();
  await opened?.close();
  played = undefined;
  opened = undefined;
});

const path = "/servers/one/mcp";

/** A call of a client without a session that its server has asked something. */
async function parkCall(gateway: PlayedGateway) {
  const caller = createStatelessCaller(gateway.send, path, everything);
  const take = async (answer: Promise<StatelessAnswer>): Promise<StatelessAnswer> => {
    let taken: StatelessAnswer | undefined;
    void answer.then((got) => void (taken = got));
    await gateway.until("an answer", () => taken !== undefined);
    return taken!;
  };
  const parking = take(caller.call("work", {}));
  const calls = () =>
    gateway.programs.flatMap((program) =>
      program.received.filter(({ method }) => method === "tools/call")
        .map(({ id }) => ({ program, id }))
    );
  await gateway.until("the call", () => calls().length > 0);
  const { program, id } = calls()[0]!;
  const params = { message: "Which?", requestedSchema: { type: "object", properties: {} } };
  program.say({ jsonrpc: "2.0", id: "q", method: "elicitation/create", params });
  const asked = await parking;
  expect(asked.result?.resultType).toBe("input_required");
  const comeBack = () =>
    caller.call("work", {}, answersTo(asked, { action: "accept", content: {} }));
  return { program, id, comeBack, take };
}

for (const [which, jumpMs] of jumps) {
  describe(`a wall clock that jumps a day ${which}`, () => {
    test("G5: ends no session, with or without a call under way", async () => {
      played = await startPlayed({ one: {} });
      const client = await openSessionClient(played, path, "2025-11-25");
      const call = (id: string) => client.call({ id, tool: "work", args: {}, token: undefined });
      const first = call("first");
      const got = () => played?.programs[0]?.received ?? [];
      await played.until("the call", () => got().length > 0);
      played.jump(jumpMs);
      played.advance(minute / 2);
      played.programs[0]?.say({ jsonrpc: "2.0", id: got()[0]!.id, result: { content: [] } });
      await played.until("the answer", () => first.heard.isOver);
      expect(first.heard.messages.at(-1)?.result).toBeDefined();
      played.jump(jumpMs);
      // Sweeps run meanwhile.
      for (let passed = 0; passed < 10; passed++) {
        played.advance(minute);
        await played.until("a turn", () => true);
      }
      const second = call("second");
      const calls = () =>
        played?.programs.flatMap(({ received }) =>
          received.filter(({ method }) => method === "tools/call")
        ) ?? [];
      await played.until("the next call", () => calls().length > 1);
      played.programs.at(-1)?.say({ jsonrpc: "2.0", id: calls()[1]!.id, result: { content: [] } });
      await played.until("the answer", () => second.heard.isOver);
      expect([second.heard.status, second.heard.messages.at(-1)?.result]).toEqual([
        200,
        expect.anything(),
      ]);
    });

    test("G5: lets a call that waits for its client go on", async () => {
      played = await startPlayed({ one: {} });
      const { program, id, comeBack, take } = await parkCall(played);
      played.jump(jumpMs);
      played.advance(minute);
      const done = take(comeBack());
      await played.until(
        "the answer to the question",
        () => program.received.some((message) => message.id === "q"),
      );
      program.say({ jsonrpc: "2.0", id, result: { content: [] } });
      expect((await done).result?.resultType).toBe("complete");
    });

    test("G5: keeps no call that waits longer than its time", async () => {
      played = await startPlayed({ one: {} });
      const { comeBack, take } = await parkCall(played);
      played.jump(jumpMs);
      played.advance(defaultLimits.parkMs + minute);
      expect((await take(comeBack())).error?.data).toMatchObject({ outcome: "unknown" });
    });

    test("G5: ends no log-in that is under way, and its code expires in time", async () => {
      const gateway = opened = await openOAuthGateway();
      const { clock } = gateway;
      const client = String((await register(gateway))["client_id"]);
      const codeOf = async (meanwhile: () => void) => {
        const asked = await askAuthorization(gateway, client);
        meanwhile();
        return (await approve(gateway, asked)).searchParams.get("code") ?? "";
      };
      clock.advance(defaultLimits.oauthSweepMs - minute);
      const code = await codeOf(() => clock.jump(jumpMs));
      clock.jump(jumpMs);
      // What is expired is removed meanwhile.
      clock.advance(minute);
      expect((await redeem(gateway, client, code)).status).toBe(200);
      const late = await codeOf(() => {});
      clock.jump(jumpMs);
      clock.advance(defaultLimits.oauthCodeMs);
      expect((await redeem(gateway, client, late)).body["error"]).toBe("invalid_grant");
    });

    test("G5: makes no refresh token look stolen", async () => {
      const gateway = opened = await openOAuthGateway();
      const { client, refresh: shared } = await logIn(gateway);
      expect((await refresh(gateway, client, shared)).status).toBe(200);
      gateway.clock.jump(jumpMs);
      const again = await refresh(gateway, client, shared);
      expect(again.status).toBe(200);
      expect((await knock(gateway, String(again.body["access_token"]))).status).toBe(400);
    });

    test("G5: ends no log-in of the operator's page, whose time ends as always", async () => {
      const gateway = opened = await openPageGateway();
      const token = await gateway.logIn();
      gateway.clock.jump(jumpMs);
      const stream = await gateway.follow(token);
      gateway.clock.advance(minute);
      expect((await gateway.json("GET", "/admin/servers", { token })).status).toBe(200);
      await stream.cancel();
      gateway.clock.advance(defaultLimits.pageLoginMs);
      expect((await gateway.json("GET", "/admin/servers", { token })).status).toBe(401);
    });
  });
}
