/**
 * An MCP server over stdio that says proper things in improper ways. It runs under Bun, Deno and
 * Node (see hostile_command.ts). `--write=HOW` decides how it writes:
 *
 *   text-ids, text-tokens  every id, every progress token as text
 *   bom, bom-each          a byte order mark first, or before each line
 *   framed, framed-typed, pretty, pretty-batch, one-line, spread, utf16, utf16be, events, html, sequence   another framing
 *   always-0, always-1, always-null   all answers under one id
 *   refuse                 answers the first message by an error with `id: null`
 *   no-newline             never ends a line
 *   noise, noise-silent    lines that are no messages, then proper ones, or nothing
 *   utf16-banner           a banner in UTF-16, then proper messages
 *   headers                an HTTP answer's head as noise, then proper messages
 *   logs-requests          prints each request over many lines, then answers properly
 *   complains              answers notifications by an error with `id: null`
 *
 * Tools: `run {events, progress, text, late}` says `vendor/event` that often, then answers; `null`
 * answers by an error with `id: null`; `pretty` answers over many lines; `blocks {content}` answers
 * with that; `state` tells what came. Methods of its own: `vendor/echo` (its params), `vendor/fail`,
 * `vendor/hang`.
 */
import process from "node:process";
import { createInterface } from "node:readline";

type Json = Record<string, unknown>;

const how = process.argv.find((one) => one.startsWith("--write="))?.slice("--write=".length) ?? "";
const came: string[] = [];

const utf16 = (text: string, isBig: boolean): Uint8Array => {
  const bytes = new Uint8Array(text.length * 2);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < text.length; at++) view.setUint16(at * 2, text.charCodeAt(at), !isBig);
  return bytes;
};
const writers: Record<string, (message: Json) => string | Uint8Array> = {
  "bom-each": (message) => `\ufeff${JSON.stringify(message)}\n`,
  framed(message) {
    const text = JSON.stringify(message);
    return `Content-Length: ${text.length}\r\n\r\n${text}`;
  },
  "framed-typed"(message) {
    const text = JSON.stringify(message);
    const type = "Content-Type: application/vscode-jsonrpc; charset=utf-8";
    return `INFO: a banner\n${type}\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
  },
  pretty: (message) => `${JSON.stringify(message, null, 2)}\n`,
  "pretty-batch": (message) => `${JSON.stringify([message], null, 2)}\n`,
  "another-version": (message) => `${JSON.stringify({ ...message, jsonrpc: "1.0" })}\n`,
  "one-line": (message) =>
    `{"jsonrpc":"2.0","method":"notifications/hello"}${JSON.stringify(message)}\n`,
  spread: (message) => `${JSON.stringify(message).replace('"id"', '\n"id"')}\n`,
  utf16: (message) => utf16(`\ufeff${JSON.stringify(message)}\n`, false),
  utf16be: (message) => utf16(`\ufeff${JSON.stringify(message)}\n`, true),
  events: (message) => `event: message\ndata: ${JSON.stringify(message)}\n\n`,
  html: () => "<!DOCTYPE html>\n<html><body>Sign in</body></html>\n",
  sequence: (message) => `\x1e${JSON.stringify(message)}\n`,
  "always-0": (message) => `${JSON.stringify({ ...message, ...("id" in message && { id: 0 }) })}\n`,
  "always-1": (message) => `${JSON.stringify({ ...message, ...("id" in message && { id: 1 }) })}\n`,
  "always-null": (message) => `${JSON.stringify({ ...message, id: null })}\n`,
  "no-newline": (message) => JSON.stringify(message),
  "noise-silent": () => "",
  "text-ids": (message) => `${JSON.stringify({ ...message, id: String(message["id"]) })}\n`,
};
const plain = (message: Json) => `${JSON.stringify(message)}\n`;
const send = (message: Json): void =>
  void process.stdout.write((writers[how] ?? plain)({ jsonrpc: "2.0", ...message }));
const notify = (method: string, params: Json): void =>
  void process.stdout.write(plain({ jsonrpc: "2.0", method, params }));
const text = (value: string): Json => ({ content: [{ type: "text", text: value }] });

if (how === "bom") process.stdout.write("\ufeff");
if (how === "noise" || how === "noise-silent") {
  process.stdout.write("Listening with token-of-the-operator\n[INFO] ready\n{ not json\n{\n\n");
}
if (how === "utf16-banner") process.stdout.write(utf16("\ufeffA newer kernel is there.\n", false));
if (how === "headers") {
  process.stdout.write("HTTP/1.1 200 OK\nContent-Type: text/plain\nContent-Length: 2\n\nok\n");
}

const toolNames = ["run", "null", "pretty", "blocks", "state"];
const callTool = (id: unknown, { name, arguments: args = {}, _meta }: Json): void => {
  const given = args as Json;
  const token = (_meta as Json | undefined)?.["progressToken"];
  if (name === "null") {
    return void process.stdout.write(
      plain({ jsonrpc: "2.0", id: null, error: { code: -32700, message: "cannot read that" } }),
    );
  }
  if (name === "pretty") {
    const answer = { jsonrpc: "2.0", id, result: text("pretty") };
    return void process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
  }
  if (name === "blocks") return send({ id, result: { content: given["content"] } });
  if (name === "state") return send({ id, result: text(JSON.stringify(came)) });
  const say = (): void => {
    for (let part = 1; part <= Number(given["events"] ?? 0); part++) {
      notify(String(given["method"] ?? "vendor/event"), {
        part,
        task: "kept",
        text: given["text"],
      });
    }
  };
  for (let part = 1; part <= Number(given["progress"] ?? 0); part++) {
    notify("notifications/progress", {
      progressToken: how === "text-tokens" ? String(token) : token,
      progress: part,
    });
  }
  if (given["late"] !== true) say();
  send({ id, result: text("finished") });
  if (given["late"] === true) say();
};

createInterface({ input: process.stdin }).on("line", (line) => {
  const message = JSON.parse(line) as Json;
  const { id, method } = message;
  const params = (message["params"] ?? {}) as Json;
  came.push(String(method));
  if (how === "logs-requests") process.stdout.write(`${JSON.stringify(message, null, 2)}\n`);
  if (id === undefined) {
    if (how !== "complains") return;
    const error = { code: -32601, message: "Method not found" };
    return void process.stdout.write(plain({ jsonrpc: "2.0", id: null, error }));
  }
  if (how === "refuse") {
    const error = { code: -32000, message: "no licence" };
    return void process.stdout.write(plain({ jsonrpc: "2.0", id: null, error }));
  }
  if (method === "initialize") {
    return send({
      id,
      result: {
        protocolVersion: "2025-06-18",
        capabilities: { tools: {} },
        serverInfo: { name: "odd", version: "1" },
      },
    });
  }
  if (method === "tools/list") {
    const tools = toolNames.map((name) => ({ name, inputSchema: { type: "object" } }));
    return send({ id, result: { tools } });
  }
  if (method === "tools/call") return callTool(id, params);
  if (method === "vendor/echo") return send({ id, result: { params, ttlMs: 5 } });
  if (method === "vendor/hang") return;
  const code = method === "vendor/fail" ? -1234 : -32601;
  send({ id, error: { code, message: `no ${method}`, data: { own: true } } });
});
