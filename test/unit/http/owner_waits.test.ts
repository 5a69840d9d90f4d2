/** Requests that wait for an owner: a bounded number, of which one client does not take all places. */
import { describe, expect, test } from "bun:test";
import { createOwnerWaits } from "../../../src/http/owner_waits.ts";

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve()));

function waitsOf(max: number) {
  const waits = createOwnerWaits({ ownerWaitsMax: max });
  return (consumer: string, leaving = new AbortController()) => {
    const request = new Request("http://localhost/", { signal: leaving.signal });
    return waits.wait({ request, consumer }, untilAborted).then(
      () => "over",
      (fault) => fault.code,
    );
  };
}

describe("requests that wait for their owner", () => {
  test("end when their client leaves, and make room", async () => {
    const wait = waitsOf(1);
    const leaving = new AbortController();
    const one = wait("ann", leaving);
    leaving.abort();
    expect(await one).toBe("over");
    const next = new AbortController();
    const other = wait("bob", next);
    next.abort();
    expect(await other).toBe("over");
  });

  test("are refused if there are too many, those of the greediest client first", async () => {
    const wait = waitsOf(3);
    const leaving = new AbortController();
    const anns = [1, 2, 3].map(() => wait("ann", leaving));
    expect(await wait("ann")).toBe("overloaded");
    const bob = wait("bob", leaving);
    expect(await anns[2]).toBe("overloaded");
    leaving.abort();
    expect(await Promise.all([anns[0], anns[1], bob])).toEqual(["over", "over", "over"]);
  });
});
