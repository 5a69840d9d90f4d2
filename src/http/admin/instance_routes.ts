/** The other instances in the admin API: what each says of itself, and how one leaves. */
import * as v from "valibot";
import type { LiveInstance } from "../../instances/owner_table.ts";
import { AdminError } from "./admin_errors.ts";
import { type AdminRow, answerJson } from "./admin_request.ts";

/** The instances, for the operator. */
export interface InstanceSteering {
  /** Rejects while the table of owners does not answer. */
  list(): Promise<readonly ShownInstance[]>;
  /**
   * Makes an instance hand its sessions over and stop; resolves when it has begun. Rejects with an
   * error text.
   */
  drain(name: string): Promise<void>;
}

/** One instance, as an operator sees it. */
export interface ShownInstance extends LiveInstance {
  /** Whether it is the one that was asked. */
  readonly isThis: boolean;
}

const drainForm = v.strictObject(
  { instance: v.string("the name of an instance") },
  "an object with instance",
);

/** Makes the rows; none if this instance is the only one. */
export function instanceRows(instances: InstanceSteering | undefined): readonly AdminRow[] {
  if (instances === undefined) return [];
  return [
    {
      method: "POST",
      path: "/admin/drain",
      right: "operator",
      answer: async ({ readBody }) => {
        const { instance } = await readBody(drainForm);
        try {
          await instances.drain(instance);
        } catch (thrown) {
          throw new AdminError("drain_failed", thrown instanceof Error ? thrown.message : "");
        }
        return answerJson({ instance }, 202);
      },
    },
  ];
}

/** The member of the status: absent if this instance is the only one. */
export async function instancesIn(instances: InstanceSteering | undefined) {
  if (instances === undefined) return {};
  const list = await instances.list().catch(() => undefined);
  return list === undefined
    ? { instancesProblem: "the store that the instances share does not answer" }
    : { instances: list };
}
