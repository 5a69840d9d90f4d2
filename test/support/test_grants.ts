/** The grants of a gateway in tests: the real ones, on a store in memory. */
import { createInProcessBus } from "../../src/bus/in_process.ts";
import { systemClock } from "../../src/clock.ts";
import { createServerGrants } from "../../src/grants/create_server_grants.ts";
import type { GrantDeps } from "../../src/grants/grant_deps.ts";
import type { ServerGrants } from "../../src/grants/server_grants.ts";
import { defaultLimits } from "../../src/limits.ts";
import { createMemoryGrantStore } from "../../src/store/memory_grants.ts";
import { createMemoryLogins } from "../../src/store/memory_logins.ts";

/** Makes grants; `runtime` and `log` at least are the test's own. */
export function createTestGrants(
  given: Pick<GrantDeps, "runtime" | "log"> & Partial<GrantDeps>,
): ServerGrants {
  const { limits = defaultLimits, log } = given;
  return createServerGrants({
    clock: systemClock,
    emit: () => {},
    bus: createInProcessBus({ limits, log }),
    store: createMemoryGrantStore({ limits }),
    records: createMemoryLogins({ clock: given.clock ?? systemClock }),
    addSecrets: () => {},
    publicUrl: undefined,
    identity: { name: "mcp-wrapper", version: "0.0.0" },
    ...given,
    limits,
  });
}
