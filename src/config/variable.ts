/** One environment variable of the gateway, as a row of a table. Types only. */

/** One variable; `parse` returns undefined for an unexpected text. */
export interface Variable<Value> {
  readonly default?: string;
  readonly expected: string;
  readonly parse: (text: string) => Value | undefined;
  /** The value is never shown. */
  readonly secret?: boolean;
}
