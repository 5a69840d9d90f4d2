/**
 * Stores whose changes reach the other instances that keep copies of them: each change is announced
 * when it is stored.
 */
import type { Bus, StoreChange } from "../bus/bus.ts";
import type { Stores } from "../store/stores.ts";
import type { PinStore } from "../upstream/pins.ts";

/** The servers and profiles of the registry. */
export function announceRegistry(
  { registry, profiles }: Pick<Stores, "registry" | "profiles">,
  bus: Pick<Bus, "publish">,
): Pick<Stores, "registry" | "profiles"> {
  const announce = announcer(bus, { what: "servers" });
  return {
    registry: {
      all: registry.all,
      put: (row) => announce(registry.put(row)),
      setDisabled: (name, disabled) => announce(registry.setDisabled(name, disabled)),
      remove: (name) => announce(registry.remove(name)),
    },
    profiles: {
      all: profiles.all,
      put: (row) => announce(profiles.put(row)),
      remove: (name) => announce(profiles.remove(name)),
    },
  };
}

/** What was accepted of the tools of servers. */
export function announcePins(pins: PinStore, bus: Pick<Bus, "publish">): PinStore {
  return {
    ...pins,
    async update(server, update) {
      const { lists = [], changes = [], droppedChanges = [] } = update;
      const stored = pins.update(server, update);
      // A definition that leaves changes nothing for others.
      if (lists.length + changes.length + droppedChanges.length === 0) return await stored;
      await announcer(bus, { what: "tools", server })(stored);
    },
  };
}

function announcer(bus: Pick<Bus, "publish">, change: StoreChange) {
  return async <Value>(stored: Promise<Value>): Promise<Value> => {
    const value = await stored;
    bus.publish("storeChanged", change);
    return value;
  };
}
