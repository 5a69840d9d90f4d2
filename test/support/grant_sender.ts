/** Sends requests with a principal's grant by the gateway's own HTTP caller. */
import { createTestRuntime } from "./fake_runtime.ts";
import type { startGrantGateway } from "./grant_gateway.ts";
import { createTestCaller } from "./http_caller.ts";

/** What came of one call. */
export interface SentGrant {
  readonly status: number;
  /** Requests that the server got. */
  readonly sent: number;
  readonly token: string;
  /** Their proofs. */
  readonly proofs: readonly (string | undefined)[];
}

/** Makes the sender for a protected server. */
export async function createGrantSender(
  { far, authorization, clock }: Awaited<ReturnType<typeof startGrantGateway>>,
): Promise<(principal: string) => Promise<SentGrant>> {
  const runtime = await createTestRuntime();
  let seen: Readonly<Record<string, string>>[] = [];
  const caller = createTestCaller({
    runtime: {
      request(options) {
        seen.push(options.headers);
        return runtime.request(options);
      },
    },
    url: far.url,
    authorization,
    clock,
  });
  return async (principal) => {
    seen = [];
    const answer = await caller.post({ use: { principal, scope: principal, tool: "read" } });
    await answer.text();
    const token = seen[0]?.["authorization"]?.replace("DPoP ", "") ?? "";
    const proofs = seen.map((headers) => headers["dpop"]);
    return { status: answer.status, sent: seen.length, token, proofs };
  };
}
