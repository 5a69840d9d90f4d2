/**
 * The pins of a gateway's tools; and, for a command that runs while no gateway does, the changes that
 * wait, in the store that the command opens itself.
 */
import type { Bus } from "../bus/bus.ts";
import type { ServersConfig } from "../config/config.ts";
import { type PinMode, pinModeOf } from "../config/pin_mode.ts";
import type { ChangedTools, ToolChange } from "../gateway/changed_tools.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { OpenedStores } from "../store/stores.ts";
import { openToolPins, type ToolPins, type WaitingChange } from "../upstream/catalog/tool_pins.ts";
import type { PinDeps } from "../upstream/catalog/pin_state.ts";
import { announcePins } from "./announced_stores.ts";
import { toShown } from "./shown_definition.ts";
import { type CommandStoresOptions, openCommandStores } from "./command_stores.ts";

/** What the pins of a gateway are opened with. */
export interface OpenPinsOptions extends Pick<PinDeps, "clock" | "limits" | "emit" | "logOf"> {
  readonly runtime: Pick<Runtime, "sha256">;
  readonly opened: Pick<OpenedStores, "sealer"> & {
    readonly stores: Pick<OpenedStores["stores"], "pins" | "owners">;
  };
  /** Absent: no other instance runs. */
  readonly bus?: Bus;
}

/** Opens the pins of a gateway. */
export async function openPins(
  { runtime, opened, bus, ...deps }: OpenPinsOptions,
): Promise<ToolPins> {
  const { stores, sealer } = opened;
  const others = stores.owners === undefined ? undefined : bus;
  const pins = await openToolPins({
    ...deps,
    store: others === undefined ? stores.pins : announcePins(stores.pins, others),
    sha256: runtime.sha256,
    digest: sealer.digest,
  });
  others?.subscribe("storeChanged", ({ what, server }) => {
    if (what === "tools") void pins.readAgain(server);
  });
  return pins;
}

/**
 * What an operator sees and approves; `current` is the configuration that is used now, and `hide`
 * replaces the secrets in a text.
 */
export function createChangedTools(
  pins: Pick<ToolPins, "changes" | "approve" | "count">,
  current: () => Pick<ServersConfig, "servers" | "disabled">,
  hide: (text: string) => string,
): ChangedTools {
  return {
    async list() {
      const { servers, disabled = [] } = current();
      const modes = new Map([
        ...disabled.map(({ name }) => [name, "warn"] as const),
        ...servers.map((server) => [server.name, pinModeOf(server)] as const),
      ]);
      const changes = await pins.changes();
      // A server that was removed while no gateway ran may come back, and is compared then.
      return changes.flatMap((change) => {
        const mode = modes.get(change.server);
        return mode === undefined ? [] : [toToolChange(change, mode, hide)];
      });
    },
    approve: pins.approve,
    count: pins.count,
  };
}

function toToolChange(
  { id, server, tool, kind, at, definitionBefore, definition, isCut }: WaitingChange,
  mode: PinMode,
  hide: (text: string) => string,
): ToolChange {
  return {
    id,
    server,
    tool,
    kind,
    mode,
    isWithheld: mode === "quarantine" && kind !== "removed",
    seenAt: new Date(at).toISOString(),
    isCut,
    ...(definitionBefore === undefined ? {} : { before: toShown(definitionBefore, hide) }),
    ...(definition === undefined ? {} : { after: toShown(definition, hide) }),
  };
}

/** Opened; no gateway can start on its data directory until it is closed. */
export interface OpenChangedTools {
  readonly changes: ChangedTools;
  close(): Promise<void>;
}

/**
 * Opens the store of the data directory. Waits a while for a gateway or a command that uses it; then
 * rejects with an error text.
 */
export async function openChangedTools(
  options: CommandStoresOptions,
  servers: Pick<ServersConfig, "servers" | "disabled">,
): Promise<OpenChangedTools> {
  const { stores, sealer, clock, limits, log } = await openCommandStores(options);
  const pins = await openPins({
    runtime: options.runtime,
    opened: { stores, sealer },
    clock,
    limits,
    emit: () => {},
    logOf: () => log,
  });
  return { changes: createChangedTools(pins, () => servers, log.redact), close: stores.close };
}
