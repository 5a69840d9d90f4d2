/**
 * Calls of many sessions that all use the same ids at the same time, at one program that they share
 * and at a remote server: each answer must have the nonce of its own call (cases A10 and D1).
 *
 *   bun bench nonces                   deno run -A bench/run.ts nonces
 *   … --calls=1000000 --store          the figure, in slices; the default is 5,000
 *   … --sessions=50 --seed=1 --json=FILE --restart
 *   … --peer=NAME                      at a program of another project, with a program behind it
 */
import { hostileCommand } from "../test/fault/hostile_command.ts";
import type { RpcSession } from "../test/support/rpc_session.ts";
import { within } from "../test/support/wait.ts";
import { numberOption } from "./support/row.ts";
import { runSliced, type SliceRunner } from "./support/slices.ts";
import { serveSoakRemote } from "./support/soak_remote.ts";
import { openSubject, openSubjectSession } from "./support/subject.ts";

const calls = numberOption("calls", 5_000);
const sessions = numberOption("sessions", 50);
const callsOfSlice = 20_000;
const reasonsMax = 5;
/** One call in so many goes to the remote server, which only the gateway can have next to it. */
const remoteEvery = 4;
/** An answer that has not come by then is lost. */
const answerMsMax = 60_000;

interface NonceCounts {
  own: number;
  foreign: number;
  failed: number;
  readonly reasons: string[];
}

/** Whether a text belongs to any call of this run. */
const nonceForm = /nonce-\d+-\d+/;

interface NonceCall {
  readonly id: number;
  readonly nonce: string;
  /** The name of the tool. */
  readonly name: string;
}

async function callOnce(session: RpcSession, { id, nonce, name }: NonceCall, counts: NonceCounts) {
  const asked = session.request(id, "tools/call", { name, arguments: { nonce } });
  const answer = await within("an answer", asked, answerMsMax)
    .catch((fault: unknown) => ({ result: undefined, fault: String(fault) }));
  const [found] = nonceForm.exec(JSON.stringify(answer.result ?? "")) ?? [];
  if (found === nonce) counts.own += 1;
  else if (found !== undefined) counts.foreign += 1;
  else {
    counts.failed += 1;
    if (counts.reasons.length < reasonsMax) counts.reasons.push(JSON.stringify(answer));
  }
}

async function open(): Promise<SliceRunner<NonceCounts>> {
  const far = await serveSoakRemote("far");
  const kid = { ...hostileCommand(), isolation: "shared" };
  const subject = await openSubject({ kid, far: { url: far.url } });
  const toolOf = (id: number) =>
    id % remoteEvery === 0 && !subject.isPeer
      ? subject.tool("far", "echo")
      : subject.tool("kid", "nonce");
  const opened = await Promise.all(
    Array.from({ length: sessions }, () => openSubjectSession(subject.url)),
  );
  return {
    async run({ from, count, counts }) {
      const ofEach = Math.ceil(count / sessions);
      const first = 1 + Math.floor(from / sessions);
      await Promise.all(opened.map(async (session, number) => {
        for (let id = first; id < first + ofEach; id += 1) {
          const call = { id, nonce: `nonce-${number}-${id}`, name: toolOf(id) };
          await callOnce(session, call, counts);
        }
      }));
    },
    async close() {
      await subject.dispose();
      far.close();
    },
  };
}

await runSliced<NonceCounts>({
  figure: "nonces",
  options: { calls, sessions },
  of: calls,
  slice: callsOfSlice,
  none: { own: 0, foreign: 0, failed: 0, reasons: [] },
  open,
  judge: ({ own, foreign, failed, reasons }) => ({
    values: { calls: own + foreign + failed, foreign, failed, ...(failed > 0 && { reasons }) },
    goals: [
      ["no answer belongs to another call", foreign === 0],
      ["each call is answered", failed === 0],
    ],
  }),
});
