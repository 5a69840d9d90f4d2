/**
 * Generated bad requests: messages, headers, paths and bytes that are almost right, in an order that
 * a seed repeats. Each must be answered or refused in time, none with an unplanned status of 500 or
 * more, and the calls of another session all succeed meanwhile.
 *
 *   bun bench inputs                   deno run -A bench/run.ts inputs
 *   … --inputs=200000 --store          the figure, in slices; the default is 2,000
 *   … --seed=1 --at-once=64 --json=FILE --restart
 *   … --peer=NAME                      at a program of another project
 */
import { hostileCommand } from "../test/fault/hostile_command.ts";
import { within } from "../test/support/wait.ts";
import { badRequest, sendBad } from "./support/bad_requests.ts";
import { numberOption } from "./support/row.ts";
import { runSliced, type Slice, type SliceRunner } from "./support/slices.ts";
import { openSubject, openSubjectSession, type Subject } from "./support/subject.ts";

const inputs = numberOption("inputs", 2_000);
const atOnce = numberOption("at-once", 64);
const inputsOfSlice = 10_000;
/** Between two calls of the canary. */
const pauseMs = 50;
const examplesMax = 10;
/** A call of the canary that is not answered by then has failed. */
const answerMsMax = 30_000;

interface InputCounts {
  readonly statuses: Record<string, number>;
  hangs: number;
  unplanned: number;
  /** The first bytes that got an unplanned status. */
  readonly examples: string[];
  /** Slices after which the gateway had ended or was not ready, or had met an unexpected fault. */
  crashes: number;
  readonly canary: { answered: number; failed: number; readonly reasons: string[] };
}

type InputSlice = Slice<InputCounts>;

/** The gateway is not there, which is seen and counted at the end of the slice. */
const noConnection = { status: "no connection", isPlanned: true };

/** Sends all inputs of a slice, so many at once; resolves when the last one is answered. */
async function sendInputs(port: number, session: string, { count, random, counts }: InputSlice) {
  let sent = 0;
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (sent < count) {
      sent += 1;
      const request = badRequest(random, session);
      const { status, isPlanned } = await sendBad(port, request).catch(() => noConnection);
      counts.statuses[status] = (counts.statuses[status] ?? 0) + 1;
      if (status === "none in time") counts.hangs += 1;
      if (isPlanned) continue;
      counts.unplanned += 1;
      if (counts.examples.length < examplesMax) counts.examples.push(request);
    }
  }));
}

async function playCanary(
  subject: Subject,
  { canary }: InputCounts,
  isOver: () => boolean,
): Promise<void> {
  let session = await openSubjectSession(subject.url);
  for (let id = 1; !isOver(); id += 1) {
    const nonce = `canary ${id}`;
    const asked = session.callTool(id, subject.tool("kid", "nonce"), { nonce });
    const text = await within("the canary's answer", asked, answerMsMax).catch(String);
    if (text === nonce) canary.answered += 1;
    else {
      canary.failed += 1;
      if (canary.reasons.length < examplesMax) canary.reasons.push(text);
      session = await openSubjectSession(subject.url).catch(() => session);
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  await session.end().catch(() => {});
}

async function open(): Promise<SliceRunner<InputCounts>> {
  const subject = await openSubject({
    kid: { ...hostileCommand(), isolation: "shared", callTimeoutMs: 5_000 },
  });
  const faults = () => subject.log().split("Caught an unexpected fault").length;
  let session = await openSubjectSession(subject.url);
  return {
    async run(slice) {
      const faultsBefore = faults();
      let isOver = false;
      const sending = sendInputs(subject.port, session.id, slice).finally(() => isOver = true);
      await Promise.all([sending, playCanary(subject, slice.counts, () => isOver)]);
      const goesOn = await subject.isReady();
      if (!goesOn || faults() > faultsBefore) slice.counts.crashes += 1;
      if (goesOn) return;
      await subject.kill9();
      await subject.restart();
      session = await openSubjectSession(subject.url);
    },
    close: () => subject.dispose(),
  };
}

await runSliced<InputCounts>({
  figure: "inputs",
  options: { inputs, atOnce },
  of: inputs,
  slice: inputsOfSlice,
  none: {
    ...{ statuses: {}, hangs: 0, unplanned: 0, examples: [], crashes: 0 },
    canary: { answered: 0, failed: 0, reasons: [] },
  },
  open,
  judge: ({ statuses, hangs, unplanned, examples, crashes, canary }) => ({
    values: {
      inputs: Object.values(statuses).reduce((sum, count) => sum + count, 0),
      ...{ crashes, hangs, unplanned, statuses, canary },
      ...(unplanned > 0 && { examples }),
    },
    goals: [
      ["the gateway goes on", crashes === 0],
      ["each input is answered or refused in time", hangs === 0],
      ["no unplanned status of 500 or more", unplanned === 0],
      ["the canary's calls succeed", canary.failed === 0],
    ],
  }),
});
