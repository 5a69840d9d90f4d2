/** Pulls the replies of an exchange one by one; after the ending it repeats the ending. */
import type { Exchange, Reply } from "../../src/model.ts";

interface Pulled {
  readonly came: Reply[];
  readonly readers: ((reply: Reply) => void)[];
  ending: Reply | undefined;
}

const pulled = new WeakMap<Exchange, Pulled>();

/** The next reply of an exchange. */
export function next(exchange: Exchange): Promise<Reply> {
  const { came, readers, ending } = pulledOf(exchange);
  const reply = came.shift() ?? ending;
  if (reply !== undefined) return Promise.resolve(reply);
  return new Promise((resolve) => readers.push(resolve));
}

function pulledOf(exchange: Exchange): Pulled {
  const known = pulled.get(exchange);
  if (known !== undefined) return known;
  const made: Pulled = { came: [], readers: [], ending: undefined };
  pulled.set(exchange, made);
  exchange.read((reply) => {
    const isEnding = reply.kind !== "notice" && reply.kind !== "ask";
    if (isEnding) made.ending = reply;
    const reader = made.readers.shift();
    if (reader === undefined) {
      if (!isEnding) made.came.push(reply);
    } else reader(reply);
    if (isEnding) { for (const waiting of made.readers.splice(0)) waiting(reply); }
  });
  return made;
}
