/**
 * What the gateway is measured against: an HTTP endpoint that rewrites ids toward one child and back
 * and does nothing else (no session, no check, no timeout, no stream). Prints its port.
 */
import { spawn } from "node:child_process";
import process from "node:process";

const [command = "", ...args] = process.argv.slice(2);
const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
const waiting = new Map<number, { id: unknown; resolve: (text: string) => void }>();
let lastId = 0;
let outgoing = "";
let rest = "";

child.stdout.setEncoding("utf8");
child.stdout.on("data", (text: string) => {
  const lines = (rest + text).split("\n");
  rest = lines.pop() ?? "";
  for (const line of lines) {
    const message = JSON.parse(line);
    const open = waiting.get(message.id);
    waiting.delete(message.id);
    open?.resolve(JSON.stringify({ ...message, id: open.id }));
  }
});

/** Writes of one turn of the event loop go out as one, as the gateway's do. */
function send(line: string): void {
  if (outgoing === "") {
    queueMicrotask(() => {
      child.stdin.write(outgoing);
      outgoing = "";
    });
  }
  outgoing += `${line}\n`;
}

async function handle(request: Request): Promise<Response> {
  if (request.method !== "POST") return new Response(null, { status: 405 });
  const message = JSON.parse(await request.text());
  if (message.id === undefined) {
    send(JSON.stringify(message));
    return new Response(null, { status: 202 });
  }
  const id = ++lastId;
  const text = await new Promise<string>((resolve) => {
    waiting.set(id, { id: message.id, resolve });
    send(JSON.stringify({ ...message, id }));
  });
  return new Response(text, { headers: { "content-type": "application/json" } });
}

const port = "Deno" in globalThis
  ? await new Promise<number>((resolve) => {
    Deno.serve({
      hostname: "127.0.0.1",
      port: 0,
      onListen: (address) => resolve(address.port),
    }, handle);
  })
  : Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: handle }).port;
console.log(`PORT ${port}`);
