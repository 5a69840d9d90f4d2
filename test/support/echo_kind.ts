/**
 * A kind of server for tests, as an embedding program would add it: `{"echo": true}` in `mcp.json`
 * is a server in this process, whose tools give back what they get.
 */
import * as v from "valibot";
import type { ServerConfig } from "../../src/config/config.ts";
import { defineForm } from "../../src/config/server_kind.ts";
import type { Call, JsonObject, Reply } from "../../src/model.ts";
import { GatewayError } from "../../src/errors.ts";
import { createExchange } from "../../src/upstream/exchange_source.ts";
import { createStatus } from "../../src/upstream/upstream_status.ts";
import { defineKind } from "../../src/upstream/upstream_kinds.ts";
import type { CreateUpstream } from "../../src/upstream/upstream.ts";

/** A server of this kind. */
export interface EchoServerConfig extends ServerConfig {
  readonly kind: "echo";
  /** Stands before what is given back. */
  readonly greeting: string;
}

const echoForm = defineForm({
  by: "echo",
  markers: ["echo"],
  named: "an echo",
  entries: {
    echo: v.optional(v.literal(true, "true")),
    greeting: v.optional(v.string("a string")),
  },
  read: ({ greeting = "" }, { texts }) => ({
    kind: "echo" as const,
    greeting: texts.plain("greeting", greeting),
  }),
});

const tools: readonly JsonObject[] = ["say", "shout"].map((name) => ({
  name,
  inputSchema: { type: "object", properties: { text: { type: "string" } } },
}));

const createEchoUpstream: CreateUpstream<EchoServerConfig> = ({ name, greeting }, deps) => {
  let isClosed = false;
  const status = createStatus(name, deps, () => ({ state: "running" }));
  status.note();
  const unknown = (message: string): Reply => ({
    kind: "failure",
    error: new GatewayError("invalid_params", message),
  });
  const answer = ({ method, params }: Call): Reply => {
    const tool = params["name"];
    if (isClosed || method !== "tools/call" || !tools.some((one) => one["name"] === tool)) {
      return unknown(`Cannot echo ${JSON.stringify(tool)}`);
    }
    const { text = "" } = params["arguments"] as { readonly text?: string };
    const said = `${greeting}${tool === "shout" ? text.toUpperCase() : text}`;
    return { kind: "result", value: { content: [{ type: "text", text: said }] } };
  };
  return {
    name,
    describe: () => Promise.resolve({ capabilities: { tools: {} } }),
    knownDescription: () => undefined,
    list: (kind) => Promise.resolve(kind === "tools" ? tools : []),
    known: () => undefined,
    freshness: () => undefined,
    open(call) {
      const source = createExchange(deps, { cancelled: () => {}, asking: () => {} });
      const reply = answer(call);
      if (reply.kind === "result" || reply.kind === "failure") source.end(reply);
      return source.exchange;
    },
    notify: () => {},
    watch: () => () => {},
    endScope: () => {},
    trial: () => Promise.resolve(),
    status: () => ({ ...status.now(), connections: 0, tools: tools.length }),
    close() {
      isClosed = true;
      return Promise.resolve();
    },
  };
};

/** The row. */
export const echoKind = defineKind<EchoServerConfig>({
  kind: "echo",
  forms: [echoForm],
  create: createEchoUpstream,
});
