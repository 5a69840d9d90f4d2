/**
 * A step of one's own: replaces payment card numbers in everything that a server sends for a call
 * before a client, and the model behind it, sees them. The last four digits stay.
 */
import type { MakeStep } from "mcp-wrapper";

/** Makes the step. As the last of the list it is the first that sees what a server answers. */
export const makeRedactCardsStep: MakeStep = () => ({
  name: "redact_cards",
  // Progress, log messages, and questions of the server to the person.
  reply: (_call, reply) => ({ ...reply, params: redact(reply.params) }),
  end(_call, ending) {
    if (ending.kind === "result") return { ...ending, value: redact(ending.value) };
    if (ending.kind === "inputRequired") {
      return { ...ending, questions: ending.questions.map(redact) };
    }
    return undefined;
  },
});

const digitsMin = 14;
const digitsMax = 19;
const shownDigits = 4;

/** Digits, also in groups with a space or a hyphen between them. */
const runOfDigits = /(?<![\d.])\d+(?:[ -]\d+)*/g;

/** A text in which the card numbers are replaced. */
export function redactText(text: string): string {
  return text.replace(runOfDigits, redactRun);
}

/** An expiry date or another number may stand next to the card's, so each group may begin one. */
function redactRun(run: string): string {
  const groups = run.split(/(?=[ -])/);
  for (let first = 0; first < groups.length; first += 1) {
    let digits = "";
    for (let last = first; last < groups.length && digits.length < digitsMax; last += 1) {
      digits += groups[last]?.replace(/\D/, "") ?? "";
      if (!isCardNumber(digits)) continue;
      const before = groups.slice(0, first).join("");
      const separator = /^\D/.exec(groups[first] ?? "")?.[0] ?? "";
      const hidden = `${separator}[card …${digits.slice(-shownDigits)}]`;
      return before + hidden + redactRest(groups.slice(last + 1).join(""));
    }
  }
  return run;
}

const redactRest = (rest: string) => rest === "" ? "" : redactRun(rest);

/** The usual length and first digit of a card, and a right check digit (Luhn). */
export function isCardNumber(digits: string): boolean {
  if (digits.length < digitsMin || digits.length > digitsMax || !/^[2-6]/.test(digits)) {
    return false;
  }
  const sum = [...digits].reverse().map(Number).reduce((total, digit, at) => {
    const counted = at % 2 === 0 ? digit : 2 * digit;
    return total + (counted > 9 ? counted - 9 : counted);
  }, 0);
  return sum % 10 === 0;
}

/**
 * A value in which the card numbers of all texts are replaced; the same value if there is none, so
 * that the gateway passes the server's own bytes on. A card number that is a number becomes 0.
 */
export function redact<Value>(value: Value): Value {
  return redactAny(value) as Value;
}

function redactAny(value: unknown): unknown {
  if (typeof value === "string") return redactText(value);
  if (typeof value === "number") return isCardNumber(String(value)) ? 0 : value;
  if (Array.isArray(value)) {
    const items = value.map(redactAny);
    return items.some((item, at) => item !== value[at]) ? items : value;
  }
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).map(([key, one]) => [key, one, redactAny(one)] as const);
  if (members.every(([, one, redacted]) => one === redacted)) return value;
  return Object.fromEntries(members.map(([key, , redacted]) => [key, redacted]));
}
