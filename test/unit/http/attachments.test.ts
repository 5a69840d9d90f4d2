/** Programs that are attached to a gateway, and when none of them needs it any more. */
import { describe, expect, test } from "bun:test";
import { createAttachments } from "../../../src/http/admin/attachments.ts";
import { defaultLimits, type Limits } from "../../../src/limits.ts";
import { createTestClock } from "../../support/clock.ts";
import { until } from "../../support/wait.ts";

const { unattachedMs, firstAttachMs } = defaultLimits;

function create(limits: Partial<Limits> = {}) {
  const clock = createTestClock();
  const attachments = createAttachments(clock, { ...defaultLimits, ...limits });
  let ended = 0;
  attachments.onUnattached(() => ended += 1);
  const attach = () => {
    const reader = attachments.attach({}).body?.getReader();
    return {
      text: async () => new TextDecoder().decode((await reader?.read())?.value),
      isOver: async () => (await reader?.read())?.done === true,
      leave: async () => {
        const before = attachments.count();
        await reader?.cancel();
        await until("the program to have left", () => attachments.count() === before - 1);
      },
    };
  };
  return { clock, attachments, attach, ended: () => ended };
}

describe("a gateway for attached programs", () => {
  test("is not needed when no program came in time", () => {
    const { clock, ended } = create();
    clock.advance(firstAttachMs - 1);
    expect(ended()).toBe(0);
    clock.advance(1);
    expect(ended()).toBe(1);
    clock.advance(firstAttachMs * 2);
    expect(ended()).toBe(1);
  });

  test("is needed while one program is attached, and for a moment after it", async () => {
    const { clock, attach, ended } = create();
    const one = attach();
    const other = attach();
    clock.advance(firstAttachMs * 10);
    await one.leave();
    clock.advance(firstAttachMs * 10);
    expect(ended()).toBe(0);
    await other.leave();
    clock.advance(unattachedMs - 1);
    const third = attach();
    clock.advance(unattachedMs * 2);
    expect(ended()).toBe(0);
    await third.leave();
    clock.advance(unattachedMs);
    expect(ended()).toBe(1);
  });

  test("says how many are attached, and sends heartbeats", async () => {
    const { clock, attach } = create();
    expect(await attach().text()).toBe('event: attached\ndata: {"attached":1}\n\n');
    const second = attach();
    expect(await second.text()).toBe('event: attached\ndata: {"attached":2}\n\n');
    clock.advance(defaultLimits.heartbeatMs);
    expect(await second.text()).toMatch(/^: heartbeat \S+\n\n$/);
  });

  test("takes a bounded number", async () => {
    const { attach } = create({ attachmentsMax: 2 });
    const first = attach();
    attach();
    expect(attach).toThrow("Too many programs are attached");
    await first.leave();
    attach();
  });

  test("ends their streams when it stops, and takes no more", async () => {
    const { clock, attachments, attach, ended } = create();
    const one = attach();
    await one.text();
    attachments.close();
    expect(await one.text()).toBe(`retry: ${defaultLimits.sseRetryMs}\n\n`);
    expect(await one.isOver()).toBe(true);
    expect(attach).toThrow("The gateway is stopping");
    clock.advance(firstAttachMs);
    expect(ended()).toBe(0);
  });
});
