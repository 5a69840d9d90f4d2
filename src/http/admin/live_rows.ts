/** The rows of the admin API that show what happens now: clients, calls, the log, and the stream. */
import * as v from "valibot";
import type { Emit } from "../../telemetry/events.ts";
import type { RecentCalls } from "../../telemetry/recent_calls.ts";
import type { RecentLog } from "../../telemetry/recent_log.ts";
import { jsonResponse } from "../respond.ts";
import type { SessionReport } from "../session_reports.ts";
import { type AdminRow, answerJson } from "./admin_request.ts";
import { dataHeaders } from "./data_headers.ts";
import type { LiveFeed } from "./live_feed.ts";

/** What the rows show. */
export interface LiveParts {
  readonly calls: RecentCalls;
  readonly recentLog: RecentLog;
  readonly sessions: () => readonly SessionReport[];
  readonly feed: LiveFeed;
  readonly emit: Emit;
  /** How each known client is connected to the gateway, as texts to copy. */
  readonly clients: () => Promise<readonly object[]>;
}

const shownForm = v.strictObject({ shown: v.boolean("true or false") }, "an object with shown");

/** Makes the rows. */
export function liveRows(parts: LiveParts): readonly AdminRow[] {
  const { calls, recentLog, sessions, feed, clients, emit } = parts;
  return [
    {
      method: "GET",
      path: "/admin/sessions",
      right: "operator",
      answer: () => answerJson({ sessions: sessions() }),
    },
    {
      method: "GET",
      path: "/admin/calls",
      right: "operator",
      answer: () => answerJson({ calls: calls.rows(), showsArguments: calls.showsArguments }),
    },
    {
      method: "PUT",
      path: "/admin/calls/arguments",
      right: "operator",
      answer: async ({ readBody }) => {
        const { shown } = await readBody(shownForm);
        if (shown !== calls.showsArguments) {
          emit({ type: "page_step", step: shown ? "arguments_shown" : "arguments_hidden" });
        }
        calls.showArguments(shown);
        return answerJson({ showsArguments: calls.showsArguments });
      },
    },
    {
      method: "GET",
      path: "/admin/log",
      right: "operator",
      // The lines are JSON already.
      answer: () => jsonResponse(`{"records":[${recentLog.lines().join(",")}]}`, 200, dataHeaders),
    },
    {
      method: "GET",
      path: "/admin/connect",
      right: "operator",
      answer: async () => answerJson({ clients: await clients() }),
    },
    {
      method: "GET",
      path: "/admin/events",
      right: "operator",
      answer: (request) => feed.open(request),
    },
  ];
}
