/**
 * The keys of `mcp.json` next to the servers that have one word: `names` and `card`, which say how
 * the surface of all servers, `/mcp`, looks, and `pin`, for the servers whose entry has none. Not
 * here: the same for one server, which is in its entry (server_keys.ts).
 */
import * as v from "valibot";
import { ConfigError, describeKind } from "./config_error.ts";
import { type CardAudience, cardAudiences, type Naming, namings } from "./surface_words.ts";
import { pinExpected, type PinMode, pinModes } from "./pin_mode.ts";

/** One key: its values, and the expectation in error texts. */
interface WordKey<Word extends string> {
  readonly key: string;
  readonly words: readonly Word[];
  readonly expected: string;
}

/** The values of `names`, for error texts. */
export const namingsExpected = '"auto", "bare" or "prefixed"';

const naming: WordKey<Naming> = {
  key: "names",
  words: namings,
  expected: namingsExpected,
};

const card: WordKey<CardAudience> = { key: "card", words: cardAudiences, expected: '"public"' };

const pin: WordKey<PinMode> = { key: "pin", words: pinModes, expected: pinExpected };

/** How names look on `/mcp`. Throws a ConfigError with a sentence for a value that is wrong. */
export function readNaming(value: unknown, file: string): Naming {
  return readWord(naming, value, file) ?? "auto";
}

/** Who may read the card of `/mcp`. Throws a ConfigError as above. */
export function readCardAudience(value: unknown, file: string): CardAudience | undefined {
  return readWord(card, value, file);
}

/** The `pin` of servers whose entry has none. Throws a ConfigError as above. */
export function readPinDefault(value: unknown, file: string): PinMode | undefined {
  return readWord(pin, value, file);
}

function readWord<Word extends string>(
  { key, words, expected }: WordKey<Word>,
  value: unknown,
  file: string,
): Word | undefined {
  if (value === undefined) return undefined;
  const checked = v.safeParse(v.picklist(words), value);
  if (checked.success) return checked.output;
  const got = typeof value === "string" ? JSON.stringify(value) : describeKind(value);
  throw new ConfigError([`Cannot use ${key} in ${file}: expected ${expected}, got ${got}`]);
}
