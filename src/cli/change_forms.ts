/** The answers of the admin API about changed tools; see admin_forms.ts. */
import * as v from "valibot";

/** The tools that are not as they were first seen; `seenAt` is ISO 8601. */
export const toolChangesForm = v.object({
  changes: v.pipe(
    v.array(v.object({
      id: v.string(),
      server: v.string(),
      tool: v.string(),
      kind: v.string(),
      mode: v.string(),
      isWithheld: v.boolean(),
      seenAt: v.string(),
      isCut: v.optional(v.boolean()),
      before: v.optional(v.record(v.string(), v.unknown())),
      after: v.optional(v.record(v.string(), v.unknown())),
    })),
    v.readonly(),
  ),
});

/** One of them, as commands show it. */
export type ToolChangeView = v.InferOutput<typeof toolChangesForm>["changes"][number];

/** The names of tools that were approved. */
export const approvedForm = v.object({ approved: v.pipe(v.array(v.string()), v.readonly()) });

/** Changed tools, and their approval. */
export interface ToolChangeCalls {
  list(): Promise<readonly ToolChangeView[]>;
  /** Approves the changes with these ids; returns the names of the tools. */
  approve(server: string, ids: readonly string[]): Promise<readonly string[]>;
}
