/**
 * The part of an audit record that many calls have alike: who called what at which server, and how it
 * ended. It is written once and remembered, since a record that is put together from twenty pieces
 * costs a call more than all else in it.
 */
import type { JsonObject } from "../model.ts";
import type { CallEvent } from "./call_events.ts";

/** What heads are made with. */
export interface RecordHeadsOptions {
  /** A text as a JSON string without secrets, shortened. */
  readonly quote: (text: string) => string;
  /** Changes whenever another secret is hidden. */
  readonly secretsKnown: () => number;
  /** How many heads are remembered; a longer name than `charsMax` never is. */
  readonly headsMax: number;
  readonly charsMax: number;
}

/** One step on the way to a head: the values of its members, one after the other, lead there. */
interface HeadNode {
  next: Map<string | undefined, HeadNode> | undefined;
  head: string | undefined;
}

const makeNode = (): HeadNode => ({ next: undefined, head: undefined });

/**
 * Makes the function that gives a call's members from `principal` to `outcome`, with a comma between
 * them.
 */
export function createRecordHeads(options: RecordHeadsOptions): (event: CallEvent) => string {
  const { quote, secretsKnown, headsMax, charsMax } = options;
  let root = makeNode();
  let heads = 0;
  let secrets = secretsKnown();
  const forget = (): void => {
    root = makeNode();
    heads = 0;
    secrets = secretsKnown();
  };
  return (event) => {
    // A server's own name may be long where its client has a short one.
    const { item = "", own = "" } = event;
    if (item.length > charsMax || own.length > charsMax) return writeHead(event, quote);
    if (secrets !== secretsKnown() || heads >= headsMax) forget();
    const { principal, surface, method, server, clientInfo: { name, version } } = event;
    let node = step(root, principal);
    node = step(step(node, textOf(name)), textOf(version));
    node = step(step(step(node, surface), method), server);
    node = step(step(step(node, event.item), event.own), outcomeOf(event));
    if (node.head !== undefined) return node.head;
    heads += 1;
    return node.head = writeHead(event, quote);
  };
}

function step(node: HeadNode, value: string | undefined): HeadNode {
  node.next ??= new Map();
  let next = node.next.get(value);
  if (next === undefined) node.next.set(value, next = makeNode());
  return next;
}

/** A name of the client's is any JSON value. */
const textOf = (value: unknown): string | undefined =>
  typeof value === "string" ? value : undefined;

const outcomeOf = ({ isDenied, outcome }: CallEvent): string =>
  isDenied === true ? "denied" : outcome;

function writeHead(event: CallEvent, quote: RecordHeadsOptions["quote"]): string {
  const { principal, clientInfo, surface, method, server, item, own } = event;
  return [
    `"principal":${quote(principal)}`,
    `"client":${clientOf(clientInfo, quote)}`,
    ...Object.entries({ surface, method, server, item, own, outcome: outcomeOf(event) })
      .flatMap(([name, value]) => value === undefined ? [] : [`"${name}":${quote(value)}`]),
  ].join(",");
}

/** Name and version, as the client calls itself. */
function clientOf({ name, version }: JsonObject, quote: RecordHeadsOptions["quote"]): string {
  const members = Object.entries({ name, version })
    .flatMap(([member, value]) => typeof value === "string" ? [`"${member}":${quote(value)}`] : []);
  return `{${members.join(",")}}`;
}
