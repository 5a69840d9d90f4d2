/**
 * Closes what a run has opened (processes, folders, another checkout), the newest first: when the
 * run is done, when it fails, and when a signal ends it.
 */
import process from "node:process";

/** Opens things, and knows how to close them. */
export interface Closing {
  /** Opens one; rejects after the end has begun. What is being opened then is also closed. */
  open<T>(start: () => Promise<T>, close: (opened: T) => unknown): Promise<T>;
  /** Whether the end has begun. */
  readonly isEnding: boolean;
  /** Closes all once, and says on stderr what could not be closed. */
  close(): Promise<void>;
}

const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Makes one. */
export function createClosing(): Closing {
  const closes: (() => Promise<unknown>)[] = [];
  let closed: Promise<void> | undefined;
  const closeAll = async () => {
    for (let close = closes.pop(); close !== undefined; close = closes.pop()) {
      await close().catch((thrown) =>
        console.error(thrown instanceof Error ? thrown.message : thrown)
      );
    }
  };
  return {
    async open(start, close) {
      if (closed !== undefined) throw new Error("The run is ending");
      const opening = start();
      closes.push(async () => {
        const opened = await opening.then((value) => ({ value }), () => undefined);
        if (opened !== undefined) await close(opened.value);
      });
      return await opening;
    },
    get isEnding() {
      return closed !== undefined;
    },
    close: () => closed ??= closeAll(),
  };
}

/** From now on a signal closes all before the program exits. */
export function closeOnSignal(closing: Closing): void {
  for (const [signal, code] of Object.entries(exitCodes)) {
    process.once(signal, () => void closing.close().then(() => process.exit(code)));
  }
}
