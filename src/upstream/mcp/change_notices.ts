/**
 * `list_changed` notices of one upstream to its scopes, merged within a short time for each scope.
 */
import { type ListKind, listKinds } from "../../model.ts";
import type { UpstreamDeps } from "../deps.ts";
import type { Watchers } from "../watchers.ts";

/** Sends the notices. */
export interface ChangeNotices {
  send(scope: string, kinds: Iterable<ListKind>): void;
  sendSoon(scope: string, kinds: readonly ListKind[]): void;
  forget(scope: string): void;
  close(): void;
}

/** Makes the sender; nothing is due. */
export function createChangeNotices(
  { deps, watchers }: { readonly deps: UpstreamDeps; readonly watchers: Watchers },
): ChangeNotices {
  const due = new Map<string, { kinds: Set<ListKind>; cancel: () => void }>();
  const send = (scope: string, kinds: Iterable<ListKind>): void => {
    const capabilities = new Set([...kinds].map((kind) => listKinds[kind].capability));
    for (const capability of capabilities) {
      const method = `notifications/${capability}/list_changed`;
      watchers.tell(scope, { kind: "notice", method, params: {} });
    }
  };
  const forget = (scope: string): void => {
    due.get(scope)?.cancel();
    due.delete(scope);
  };
  return {
    send,
    sendSoon(scope, kinds) {
      const waiting = due.get(scope);
      if (waiting !== undefined) {
        for (const kind of kinds) waiting.kinds.add(kind);
        return;
      }
      const entry = {
        kinds: new Set(kinds),
        cancel: deps.clock.after(deps.limits.changeDebounceMs, () => {
          due.delete(scope);
          send(scope, entry.kinds);
        }),
      };
      due.set(scope, entry);
    },
    forget,
    close: () => [...due.keys()].forEach(forget),
  };
}
