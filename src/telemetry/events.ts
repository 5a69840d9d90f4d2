/**
 * The one stream of what happens in a gateway: changes of state, calls that ended, refusals and
 * drops, each as a typed event. The log is its first reader (log_reader.ts), the counts are the
 * second (counts.ts); metrics, traces and an operator's page read the same stream. Events carry
 * names, codes and durations; those of calls also refer to arguments and results (call_events.ts).
 * A `reason` and `details` may repeat what a server said: a reader that shows them hides secrets, as
 * the log does.
 */
import type {
  GrantEvent,
  OAuthEvent,
  OperatorEvent,
  PageEvent,
  RateEvent,
} from "./access_events.ts";
import type { CallEvent, CallRefusedEvent, CallStartedEvent } from "./call_events.ts";
import type { ClientLimitedEvent, GaveWayEvent, ResultCutEvent } from "./client_events.ts";
import type {
  ConfiguredEvent,
  ConnectionEvent,
  DeathsEvent,
  LearnedEvent,
  ProfilesEvent,
  RecoveredEvent,
  ServerStateEvent,
  StartFailedEvent,
  StartingEvent,
  ToolEvent,
} from "./server_events.ts";

/** A client opened a session or sent its first stateless request, or a session ended. */
export interface ClientEvent {
  readonly type: "client_connected" | "session_ended";
  readonly surface: string;
  /** Name and version, in one line. */
  readonly client?: string | undefined;
  readonly revision?: string | undefined;
  /** Why the session ended. */
  readonly why?: string | undefined;
}

/** A request that was answered with an error status of HTTP. */
export interface RefusalEvent {
  readonly type: "request_refused";
  readonly status: number;
  /** The code of the error table; absent: the failure has an error of one era only. */
  readonly code?: string | undefined;
  /** The client's address, for refusals that it can cause on purpose, as far as it is known. */
  readonly address?: string | undefined;
}

/** A message was dropped: it matched nothing, or a bound was reached. */
export interface DropEvent {
  readonly type: "dropped";
  /** What was dropped, as a row of `drops`. */
  readonly what: Drop;
  /** The server that it came from or was meant for. */
  readonly server?: string | undefined;
}

/** What can be dropped, and why. */
export const drops = {
  server_output: "a line of a server that is no message or answers nothing",
  server_notice: "a notification that the server's revision does not have",
  server_answer: "a message toward a server whose queue is full",
  late_message: "an answer or a notification for a call that was given up",
  call_notice: "a notification of a call whose client takes no stream, or reads too slowly",
  client_notice: "a notification for a session in which too many wait for a stream",
  span: "a span for which the queue to the collector was full, or which the collector did not take",
  replay_frame:
    "a frame of a stream that a client could have resumed, to keep a bound on their size",
} as const;

/** One row of `drops`. */
export type Drop = keyof typeof drops;

/** Everything that the stream carries. */
export type GatewayEvent =
  | ServerStateEvent
  | StartFailedEvent
  | StartingEvent
  | RecoveredEvent
  | ConnectionEvent
  | DeathsEvent
  | ProfilesEvent
  | LearnedEvent
  | ConfiguredEvent
  | ToolEvent
  | ClientEvent
  | CallStartedEvent
  | CallEvent
  | CallRefusedEvent
  | RefusalEvent
  | OAuthEvent
  | GrantEvent
  | PageEvent
  | OperatorEvent
  | RateEvent
  | GaveWayEvent
  | ClientLimitedEvent
  | ResultCutEvent
  | DropEvent;

/** Puts an event on the stream; never throws. */
export type Emit = (event: GatewayEvent) => void;

/** The type of an event. */
export type EventType = GatewayEvent["type"];

/** Reads one event. */
export type EventReader<Type extends EventType = EventType> = (
  event: Extract<GatewayEvent, { readonly type: Type }>,
) => void;

/** The stream. */
export interface Events {
  readonly emit: Emit;
  /**
   * Calls `reader` for each event from now on, in order, until the returned function is called; with
   * `types` for the events of these types alone.
   */
  read<Type extends EventType = EventType>(
    reader: EventReader<Type>,
    types?: readonly Type[],
  ): () => void;
}

/** Makes a stream. A reader that throws affects neither the other readers nor the emitter. */
export function createEvents(failed: (thrown: unknown) => void): Events {
  let readers: readonly Reader[] = [];
  /** The readers of each type that was emitted, so that no event asks every reader. */
  const byType = new Map<EventType, readonly Reader[]>();
  const change = (next: readonly Reader[]): void => {
    readers = next;
    byType.clear();
  };
  const readersOf = (type: EventType): readonly Reader[] => {
    let known = byType.get(type);
    if (known === undefined) {
      known = readers.filter(({ types }) => types === undefined || types.includes(type));
      byType.set(type, known);
    }
    return known;
  };
  return {
    emit(event) {
      for (const { read } of readersOf(event.type)) {
        try {
          read(event as never);
        } catch (thrown) {
          failed(thrown);
        }
      }
    },
    read(read, types) {
      const added: Reader = { read: read as unknown as EventReader<never>, types };
      change([...readers, added]);
      return () => change(readers.filter((one) => one !== added));
    },
  };
}

interface Reader {
  readonly read: EventReader<never>;
  readonly types: readonly EventType[] | undefined;
}
