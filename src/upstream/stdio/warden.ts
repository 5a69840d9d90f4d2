/**
 * No child outlives the gateway. The warden is a shell in a session of its own that holds the group
 * ids of all children and kills those groups when its stdin ends, which is what happens however the
 * gateway ends, `kill -9` included. Should it die as well, the groups are in the store, and the
 * next start of a gateway ends what is left of them.
 */
import { withDeadline } from "../../clock.ts";
import type { Log } from "../../log.ts";
import type { Child } from "../../runtime/runtime.ts";
import type { ProcessGroupStore, Warden } from "../deps.ts";
import { isLeftover, type ProcessDeps, readIdentity } from "./process_table.ts";

/** What a warden is made from. */
export interface WardenOptions extends ProcessDeps {
  readonly groups: ProcessGroupStore;
  readonly log: Log;
}

/** `+PGID` holds a group, `-PGID` lets go of it; at the end of input every held group is killed. */
const script = `trap '' INT TERM HUP QUIT USR1 USR2 PIPE
held=' '
while IFS= read -r line; do
  group=\${line#?}
  case $line in
    +*) held="$held$group " ;;
    -*) case $held in
      *" $group "*) held="\${held%%" $group "*} \${held#*" $group "}" ;;
    esac ;;
  esac
done
for group in $held; do kill -s KILL -- "-$group" 2>/dev/null; done
`;

/** Ends what an earlier run left behind, then stands guard over this one's children. */
export async function openWarden(options: WardenOptions): Promise<Warden> {
  await endLeftovers(options);
  const { runtime, clock, limits, log } = options;
  const { groups } = options;
  /** Without the store the shell still guards this run. */
  const note = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (fault) {
      log.warn("Cannot note which children run", { fault });
    }
  };
  const held = new Map<number, string>();
  let guard: Guard | undefined;
  let closed = false;
  let backoffMs = limits.restartMsMin;

  const start = () => {
    try {
      guard = openGuard(options);
    } catch (fault) {
      if (isMissing(fault)) return log.warn(noShell);
      log.error("Cannot start the warden: children would outlive a killed gateway", { fault });
      return restart();
    }
    for (const groupId of held.keys()) guard.tell(`+${groupId}`);
    void guard.child.exited.then((status) => {
      guard = undefined;
      if (closed) return;
      log.warn("The warden ended and is started again", { ...status });
      restart();
    });
  };
  const restart = () => {
    clock.after(backoffMs, () => {
      if (!closed) start();
    });
    backoffMs = Math.min(2 * backoffMs, limits.restartMsMax);
  };
  start();

  return {
    async hold(groupId, server) {
      held.set(groupId, server);
      guard?.tell(`+${groupId}`);
      const identity = await readIdentity(options, groupId);
      if (identity === undefined || !held.has(groupId)) return;
      await note(() => groups.add({ groupId, identity, server }));
    },
    release(groupId) {
      if (!held.delete(groupId)) return;
      guard?.tell(`-${groupId}`);
      void note(() => groups.remove(groupId));
    },
    async close() {
      if (closed) return;
      closed = true;
      const ended = [...held.keys()];
      for (const groupId of ended) runtime.signalGroup(groupId, "SIGKILL");
      held.clear();
      await Promise.all(ended.map((groupId) => note(() => groups.remove(groupId))));
      await guard?.close();
    },
  };
}

/** Windows, and images without a shell. */
const noShell =
  "This system has no /bin/sh, which guards the children: if the gateway is killed, " +
  "a server that ignores the end of its input goes on, and the next start does not end it";

function isMissing(fault: unknown): boolean {
  return fault instanceof Error && "code" in fault && fault.code === "ENOENT";
}

/** One running shell. */
interface Guard {
  readonly child: Child;
  tell(line: string): void;
  close(): Promise<void>;
}

function openGuard({ runtime, clock, limits }: WardenOptions): Guard {
  const child = runtime.spawn({
    command: "/bin/sh",
    args: ["-c", script, "mcp-wrapper-warden"],
    env: {},
  });
  for (const output of [child.stdout, child.stderr]) void output.cancel().catch(() => {});
  return {
    child,
    // A write that fails means that the shell is gone, which its end reports.
    tell: (line) => void child.stdin.write(`${line}\n`)?.catch(() => {}),
    async close() {
      child.stdin.close();
      await withDeadline(clock, limits.stopMs, child.exited, () => {
        runtime.signalGroup(child.pid, "SIGKILL");
      });
    },
  };
}

async function endLeftovers(options: WardenOptions): Promise<void> {
  const { groups, runtime, log } = options;
  try {
    for (const { groupId, identity, server } of await groups.all()) {
      if (await isLeftover(options, groupId, identity)) {
        runtime.signalGroup(groupId, "SIGKILL");
        log.warn("Killed a child that an earlier run left behind", { server, groupId });
      }
      await groups.remove(groupId);
    }
  } catch (fault) {
    log.error("Cannot look for children of an earlier run", { fault });
  }
}
