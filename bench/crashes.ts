/**
 * A program that all clients share is killed in the middle of a call: does that call end, and do
 * calls succeed again, of the session that made it and of a new one, and how soon? The gateway is
 * started again after each crash, since a program that dies often waits longer each time.
 *
 *   bun bench crashes                  deno run -A bench/run.ts crashes
 *   … --crashes=100 --store            the default is 5
 *   … --seed=1 --json=FILE --restart
 *   … --peer=NAME                      at a program of another project
 */
import { hostileCommand } from "../test/fault/hostile_command.ts";
import type { RpcSession } from "../test/support/rpc_session.ts";
import { within } from "../test/support/wait.ts";
import { percentile } from "./e2e/results.ts";
import { numberOption } from "./support/row.ts";
import { runSliced, type SliceRunner } from "./support/slices.ts";
import { openSubject, openSubjectSession, type Subject } from "./support/subject.ts";

const crashes = numberOption("crashes", 5);
/** What is not there again by then stays away. */
const recoveryMsMax = numberOption("seconds", 5) * 1_000;
const callMsMax = 2_000;
const pauseMs = 50;

interface CrashCounts {
  crashes: number;
  /** Calls that did not end although their program had. */
  hung: number;
  /** Crashes after which the same session, and a new one, got an answer. */
  same: number;
  fresh: number;
  readonly recoveryMs: number[];
}

/** Calls until an answer comes; whether one came. */
async function recovers(subject: Subject, open: () => Promise<RpcSession>): Promise<boolean> {
  const end = performance.now() + recoveryMsMax;
  for (let id = 100; performance.now() < end; id += 1) {
    const nonce = `nonce ${id}`;
    const answered = open().then((session) =>
      session.callTool(id, subject.tool("kid", "nonce"), { nonce })
    );
    if (await within("an answer", answered, callMsMax).catch(() => "") === nonce) return true;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  return false;
}

async function crashOnce(subject: Subject, counts: CrashCounts): Promise<void> {
  const session = await openSubjectSession(subject.url);
  const name = subject.tool("kid", "crash");
  const called = session.request(1, "tools/call", { name, arguments: { how: "SIGKILL" } });
  const isOver = await within("the end of the call", called, recoveryMsMax).then(
    () => true,
    // A connection that breaks ends the call, too.
    (fault: unknown) => !String(fault).includes("in vain"),
  );
  const begun = performance.now();
  const isSame = await recovers(subject, () => Promise.resolve(session));
  const isNew = await recovers(subject, () => openSubjectSession(subject.url));
  counts.crashes += 1;
  counts.hung += isOver ? 0 : 1;
  counts.same += isSame ? 1 : 0;
  counts.fresh += isNew ? 1 : 0;
  if (isSame && isNew) counts.recoveryMs.push(Math.round(performance.now() - begun));
  await subject.kill9();
  await subject.restart();
}

async function open(): Promise<SliceRunner<CrashCounts>> {
  const subject = await openSubject({ kid: { ...hostileCommand(), isolation: "shared" } });
  return {
    run: ({ counts }) => crashOnce(subject, counts),
    close: () => subject.dispose(),
  };
}

await runSliced<CrashCounts>({
  figure: "crashes",
  options: { crashes, seconds: recoveryMsMax / 1_000 },
  of: crashes,
  slice: 1,
  none: { crashes: 0, hung: 0, same: 0, fresh: 0, recoveryMs: [] },
  open,
  judge: ({ recoveryMs, ...happened }) => ({
    values: { ...happened, recoveryMs: percentile(recoveryMs, 0.99) },
    goals: [
      ["each call of the program that was killed ends", happened.hung === 0],
      ["its session goes on", happened.same === happened.crashes],
      ["new sessions open", happened.fresh === happened.crashes],
    ],
  }),
});
