/**
 * The listen request of a connection, in dialects that deliver notices outside calls by one (see
 * dialect.ts). It opens with the connection, and again when the wanted notices change or the
 * request breaks. Whatever may have been missed meanwhile is reported as changed. MCP 2026-07-28:
 * subscriptions.
 */
import { type Clock, sleep } from "../../clock.ts";
import { errorTable } from "../../error_table.ts";
import { isJsonObject } from "../../json.ts";
import type { Limits } from "../../limits.ts";
import type { Log } from "../../log.ts";
import {
  type Description,
  type Ending,
  type ListKind,
  listKinds,
  type Notice,
} from "../../model.ts";
import type { Link, NoticeFate, OpenRequest } from "../link/link.ts";
import type { Dialect } from "../link/dialect.ts";

/** The listen request of one connection. */
export interface ListenRequest {
  /** Requests the notices wanted now; resolves when the server accepts, or after a time limit. */
  refresh(): Promise<void>;
  /** Listen requests under way; a connection that has no other requests counts as idle. */
  open(): number;
  close(): void;
}

/** What it works with. */
export interface ListenRequestOptions {
  readonly link: Link;
  readonly dialect: Dialect;
  readonly description: Description;
  readonly uris: () => readonly string[];
  readonly notice: (notice: Notice) => NoticeFate;
  readonly clock: Clock;
  readonly limits: Pick<Limits, "probeMs" | "reconnectMsMin" | "reconnectMsMax">;
  readonly log: Log;
}

/** A listen request has no time limit. */
type Cancellable = Pick<OpenRequest, "cancel">;

/** Makes it; nothing is asked for yet. */
export function createListenRequest(options: ListenRequestOptions): ListenRequest {
  const { link, dialect, description, clock, limits, log } = options;
  let current: Cancellable | undefined;
  let failures = 0;
  let count = 0;
  let isClosed = false;
  let cancelReopen = (): void => {};

  const open = (isAgain: boolean): Promise<void> => {
    cancelReopen();
    const wanted = dialect.listenRequest({ description, uris: options.uris() });
    const before = current;
    current = undefined;
    if (wanted === undefined) {
      before?.cancel("Nothing is listened to any more");
      return Promise.resolve();
    }
    const { promise: taken, resolve } = Promise.withResolvers<void>();
    let made: Cancellable | undefined;
    let isOver = false;
    count += 1;
    const end = (ending: Ending): void => {
      isOver = true;
      count -= 1;
      resolve();
      if (isClosed || (made !== undefined && made !== current)) return;
      current = undefined;
      reopen(ending);
    };
    made = link.request({
      method: wanted.method,
      params: wanted.params,
      wantsProgress: false,
      timeoutMs: 0,
      cancellable: true,
      notice(notice) {
        if (!dialect.isAcknowledgement(notice)) return options.notice(notice);
        failures = 0;
        resolve();
        if (isAgain) tellAll();
        return true;
      },
      end,
    });
    if (!isOver) {
      const request = made;
      made = {
        cancel(reason) {
          // It may have ended by itself before it was replaced.
          if (isOver) return;
          isOver = true;
          count -= 1;
          request.cancel(reason);
        },
      };
      current = made;
    }
    const late = new AbortController();
    return Promise.race([taken, sleep(clock, limits.probeMs, late.signal).catch(() => {})])
      .then(() => {
        late.abort();
        // Only now: what changed in between was heard by the old one.
        before?.cancel("Replaced by a newer one");
      });
  };

  const reopen = (ending: Ending): void => {
    const { error } = ending.kind === "failure" ? ending : {};
    if (error?.upstream?.code === errorTable.method_not_found.rpc) {
      return log.info("The server has no notifications to listen to");
    }
    failures += 1;
    const ms = Math.min(limits.reconnectMsMax, limits.reconnectMsMin * 2 ** (failures - 1));
    cancelReopen = clock.after(ms * (1 + clock.random()) / 2, () => void open(true));
  };

  /** Reports everything as changed, since notices may have been missed. */
  const tellAll = (): void => {
    const capabilities = new Set(
      (Object.keys(listKinds) as ListKind[]).map((kind) => listKinds[kind].capability),
    );
    for (const capability of capabilities) {
      if (!isJsonObject(description.capabilities[capability])) continue;
      const method = `notifications/${capability}/list_changed`;
      options.notice({ kind: "notice", method, params: {} });
    }
    for (const uri of options.uris()) {
      options.notice({
        kind: "notice",
        method: "notifications/resources/updated",
        params: { uri },
      });
    }
  };

  return {
    refresh: () => isClosed ? Promise.resolve() : open(false),
    open: () => count,
    close() {
      isClosed = true;
      cancelReopen();
      current?.cancel("No client listens any more");
      current = undefined;
    },
  };
}
