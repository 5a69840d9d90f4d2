/**
 * A double of the admin API behind the operator's page: the page's real files with their real
 * headers, and made-up data (page_sample.ts). For pictures, and for what a real gateway does not
 * show at will.
 */
import { pageFileRows } from "../../src/http/admin/page_files.ts";
import { sha256 } from "../../src/runtime/digest.ts";
import { createPageReader } from "../../src/runtime/page_reader.ts";
import * as sample from "./page_sample.ts";
import { type Served, serveFetch } from "./serve_fetch.ts";

type Json = Readonly<Record<string, unknown>>;

/** A double that listens. */
export interface PageDouble {
  readonly url: string;
  /** The address of the page, with the code of a one-time link. */
  readonly link: string;
  /** While it is away, it answers nothing, and its streams have ended. */
  setAway(isAway: boolean): void;
  close(): Promise<void>;
}

/** The code that the double takes, any number of times. */
const code = "sample-code";

/** Answers of routes by method and path; each is called with the moment of the request. */
export type DoubleRoutes = Readonly<Record<string, (now: number, body: Json) => unknown>>;

/** The answers of a gateway with everything in it. */
export const usualRoutes: DoubleRoutes = {
  "POST /admin/page/token": () => ({ token: "sample", expiresAt: "" }),
  "DELETE /admin/page/token": () => ({}),
  "GET /admin/status": sample.sampleStatus,
  "GET /admin/sessions": (now) => ({ sessions: sample.sampleSessions(now) }),
  "GET /admin/calls": (now) => ({ calls: sample.sampleCalls(now), showsArguments: false }),
  "GET /admin/log": (now) => ({ records: sample.sampleLog(now) }),
  "GET /admin/tools/changes": (now) => ({ changes: sample.sampleChanges(now) }),
  "GET /admin/profiles": () => ({ profiles: sample.sampleProfiles }),
  "GET /admin/connect": () => ({ clients: sample.sampleSnippets }),
};

/** Answers to requests of MCP by method. */
const mcpAnswers: Readonly<Record<string, unknown>> = {
  "tools/list": { tools: sample.sampleTools },
  "tools/call": sample.sampleResult,
  "prompts/list": { prompts: [] },
  "resources/list": { resources: [] },
  "resources/templates/list": { resourceTemplates: [] },
};

/** Starts a double; `routes` take the place of the usual answers, undefined is 404. */
export async function servePageDouble(routes: DoubleRoutes = {}): Promise<PageDouble> {
  const files = pageFileRows({
    sha256,
    readPage: createPageReader(new URL("../../src/main/double.ts", import.meta.url).href),
  });
  const all = { ...usualRoutes, ...routes };
  const streams = new Set<ReadableStreamDefaultController<Uint8Array>>();
  let isAway = false;
  const served: Served = await serveFetch(async (request) => {
    if (isAway) throw new Error("It is away");
    const { pathname } = new URL(request.url);
    const file = files.find(({ path }) => path === pathname);
    if (file?.right === "none" && request.method === "GET") {
      return await file.answerOpenly({
        request,
        fetchContext: {},
        readBody: () => Promise.reject(new Error("A file has no body")),
      });
    }
    if (pathname === "/admin/events") return openStream(streams);
    const text = await request.text();
    const body = (text === "" ? {} : JSON.parse(text)) as Json;
    if (pathname.endsWith("/mcp")) {
      const result = mcpAnswers[String(body["method"])] ?? {};
      return Response.json({ jsonrpc: "2.0", id: body["id"], result });
    }
    const answer = all[`${request.method} ${pathname}`]?.(Date.now(), body);
    return answer === undefined
      ? Response.json({ error: { code: "path_unknown", message: "No such route" } }, {
        status: 404,
      })
      : Response.json(answer);
  });
  const url = `http://127.0.0.1:${served.port}`;
  return {
    url,
    link: `${url}/admin#code=${code}`,
    setAway(value) {
      isAway = value;
      for (const stream of isAway ? streams : []) stream.error(new Error("It is away"));
      streams.clear();
    },
    close: served.close,
  };
}

/** A stream of events that stays open and is silent. */
function openStream(streams: Set<ReadableStreamDefaultController<Uint8Array>>): Response {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      streams.add(controller);
      controller.enqueue(new TextEncoder().encode(": hello\n\n"));
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}
