/** Requests that are almost right: a valid one of a few kinds, changed in a few places. */
import { openRawSocket, statusOf } from "../../test/support/raw_socket.ts";
import { until } from "../../test/support/wait.ts";

type Random = () => number;

const methods = [
  "initialize",
  ...["ping", "tools/list", "tools/call", "resources/read", "prompts/get", "logging/setLevel"],
  ...["completion/complete", "server/discover", "tasks/get", "notifications/cancelled", "no/such"],
];
/** What stands in the place of a value, as JSON. */
const values = [
  ...["null", "true", "0", "-1", "1.5", "1e400", "9007199254740993", '""', '"x"', "[]", "{}"],
  ...['"\\ud800"', '"\\u0000"', '"__proto__"', '{"__proto__":{"a":1}}', "[[[[[[]]]]]]", '"2.0"'],
  `"${"x".repeat(300)}"`,
  '"echo"',
  '"2026-07-28"',
];
/** What is put between, before or behind bytes. */
const pieces = [
  ...["\0", "\r", "\n", "\r\n", "\r\n\r\n", '"', "{", "}", "[", "]", ",", ":", "\\", " ", "\xff"],
  ...["\xc3", "\xed\xa0\x80", "%00", "..", "//", "GET / HTTP/1.1\r\n", "Content-Length: 1\r\n"],
];

const pick = <T>(random: Random, items: readonly T[]): T =>
  items[Math.floor(random() * items.length)] as T;

function messageText(random: Random): string {
  const value = () => pick(random, values);
  const valid = random() < 0.5;
  const members = [
    ['"jsonrpc"', random() < 0.9 ? '"2.0"' : value()],
    ['"id"', valid ? String(Math.floor(random() * 100)) : value()],
    ['"method"', random() < 0.9 ? `"${pick(random, methods)}"` : value()],
    ['"params"', `{"name":${value()},"arguments":${value()},"_meta":${value()},"uri":${value()}}`],
    ...(random() < 0.2 ? [[pick(random, ['"id"', '"METHOD"', '"result"']), value()]] : []),
  ].filter(() => random() < 0.95);
  const text = `{${members.map((member) => member.join(":")).join(",")}}`;
  return random() < 0.05 ? `[${text},${text}]` : text;
}

/** Changes a text in a few places, byte by byte. */
function damage(random: Random, text: string): string {
  let damaged = text;
  for (let change = random() * 3; change > 1; change -= 1) {
    const at = Math.floor(random() * damaged.length);
    const [start, end] = [damaged.slice(0, at), damaged.slice(at + (random() < 0.5 ? 1 : 0))];
    damaged = `${start}${random() < 0.7 ? pick(random, pieces) : ""}${end}`;
  }
  return damaged;
}

/** Mostly the usual form, so that most requests get further than the first check. */
const mostly = <T>(random: Random, usual: T, others: readonly T[]): T =>
  random() < 0.85 ? usual : pick(random, others);

/** The bytes of one request, as Latin-1; the connection is closed after it. */
export function badRequest(random: Random, session: string): string {
  const text = messageText(random);
  const body = random() < 0.4 ? damage(random, text) : text;
  const method = mostly(random, "POST", ["GET", "DELETE", "PUT"]);
  const path = mostly(random, "/mcp", ["/servers/kid/mcp", "/messages?sessionId=x", "/mcp/.."]);
  // The session must last.
  const isKnown = method !== "DELETE" && random() < 0.9;
  const header = (name: string, usual: string, others: readonly string[], share = 1) =>
    random() < share ? [`${name}: ${mostly(random, usual, others)}`] : [];
  const lines = [
    `${method} ${path} HTTP/1.1`,
    "Host: localhost",
    "Connection: close",
    ...header("Content-Type", "application/json", ["text/plain", "x"]),
    ...header("Accept", "application/json, text/event-stream", ["application/json", "a/b", "*/*"]),
    ...header("Mcp-Session-Id", isKnown ? session : "x", ["", "x, y"], 0.7),
    ...header("MCP-Protocol-Version", "2025-11-25", ["2026-07-28", "1", ""], 0.6),
    ...header("Mcp-Method", "tools/call", methods, 0.2),
    ...header("Last-Event-ID", "-1", ["1", "x-0-1", "' OR 1=1"], 0.1),
    `Content-Length: ${random() < 0.99 ? body.length : Math.floor(random() * 1_000)}`,
  ];
  const head = `${lines.join("\r\n")}\r\n\r\n`;
  return `${random() < 0.2 ? damage(random, head) : head}${body}`;
}

/** A body that never comes whole is refused at the gateway's own time limit, so this is beyond it. */
const answerMsMax = 45_000;

/**
 * Sends the bytes and waits for what comes: a status, or that the connection was
 * closed. Planned are refusals of the client (4xx), 503, which says when to come back, and 505 for a
 * version that is none.
 */
export async function sendBad(port: number, bytes: string) {
  const socket = await openRawSocket(port);
  try {
    socket.send(bytes);
    const isOver = () => statusOf(socket.received()) !== undefined || socket.isClosed();
    // A stream that opens is an answer, too.
    const inTime = await until("an answer", isOver, answerMsMax).then(() => true, () => false);
    const status = statusOf(socket.received());
    const isPlanned = status === undefined || status < 500 || status === 505 ||
      (status === 503 && /retry-after/i.test(socket.received()));
    return { status: inTime ? String(status ?? "closed") : "none in time", isPlanned };
  } finally {
    socket.destroy();
  }
}
