/**
 * When each key was last used. Uses are gathered and stored together, so that a request with a key
 * costs no write.
 */
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Principal } from "../model.ts";
import { keyPrincipal } from "../principals.ts";
import type { KeyStore } from "./key_store.ts";

/** What uses are gathered with. */
export interface KeyUseDeps {
  readonly keys: Pick<KeyStore, "noteUse">;
  readonly clock: Clock;
  readonly limits: Pick<Limits, "keyUseFlushMs">;
  readonly log: Log;
}

/** The uses that are not stored yet. */
export interface KeyUse {
  /** The key of a principal is used now. */
  note(principal: Principal): void;
  /** Stores the rest. Never rejects. */
  close(): Promise<void>;
}

const nameStart = keyPrincipal("").length;

/** Gathers uses. */
export function createKeyUse({ keys, clock, limits, log }: KeyUseDeps): KeyUse {
  /** By principal: as many as there are valid keys at most. */
  let waiting = new Map<string, number>();
  let cancel: (() => void) | undefined;
  const flush = async (): Promise<void> => {
    cancel?.();
    cancel = undefined;
    const times = new Map([...waiting].map(([id, at]) => [id.slice(nameStart), at]));
    waiting = new Map();
    if (times.size === 0) return;
    // Lists then show an older use; nothing else depends on it.
    await keys.noteUse(times).catch((fault) =>
      log.warn("Cannot store when keys were last used", { fault })
    );
  };
  return {
    note({ id }) {
      waiting.set(id, clock.wall());
      cancel ??= clock.after(limits.keyUseFlushMs, () => void flush());
    },
    close: flush,
  };
}
