/** How commands call the admin API of a running gateway. Types only. */
import type * as v from "valibot";

/** One call of the API. */
export interface AdminCall<Form extends v.GenericSchema> {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  readonly path: string;
  readonly form: Form;
  readonly body?: unknown;
  /** Whether it goes without the token. */
  readonly isOpen?: boolean;
  readonly withinMs?: number;
}

/** Calls the API; rejects with a CommandError. */
export type AdminCaller = <Form extends v.GenericSchema>(
  call: AdminCall<Form>,
) => Promise<v.InferOutput<Form>>;
