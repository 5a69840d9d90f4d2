/** A client that reads an event stream until it breaks, over a real socket. */

/** A frame with a message in it. */
export interface ReadEvent {
  readonly id: string | undefined;
  readonly message: {
    readonly id?: unknown;
    readonly method?: string;
    readonly result?: unknown;
    readonly error?: { readonly code: number; readonly data?: Readonly<Record<string, unknown>> };
    readonly params?: Readonly<Record<string, unknown>>;
  };
}

/** What a client has of a stream. */
export interface ReadStream {
  readonly events: ReadEvent[];
  /** The newest id, also of a frame without a message. */
  lastId: string | undefined;
  /** Resolves, never rejects: whether the stream came to its end, not to a break. */
  readonly ended: Promise<boolean>;
}

/** Reads a response. */
export function readEvents(response: Response): ReadStream {
  const stream = { events: [] as ReadEvent[], lastId: undefined as string | undefined };
  const ended = readAll(response, stream).then(() => true, () => false);
  return Object.assign(stream, { ended });
}

async function readAll(
  response: Response,
  stream: Pick<ReadStream, "events" | "lastId">,
): Promise<void> {
  const decoder = new TextDecoder();
  let text = "";
  const reader = response.body?.getReader();
  for (;;) {
    const { done, value } = await reader?.read() ?? { done: true };
    if (done) return;
    text += decoder.decode(value, { stream: true });
    const frames = text.split("\n\n");
    text = frames.pop() ?? "";
    for (const frame of frames) takeFrame(frame, stream);
  }
}

function takeFrame(frame: string, stream: Pick<ReadStream, "events" | "lastId">): void {
  const id = /^id: (.*)$/m.exec(frame)?.[1];
  const data = /^data: (\{.*)$/m.exec(frame)?.[1];
  stream.lastId = id ?? stream.lastId;
  // Named events of the gateway itself are no messages.
  if (data !== undefined && !/^event: (?!message$)/m.test(frame)) {
    stream.events.push({ id, message: JSON.parse(data) });
  }
}
