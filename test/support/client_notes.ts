/**
 * What a real client answers to the questions of servers, and what it remembers of what it was asked
 * and told. The libraries' handlers differ in how they are registered (mcp_clients.ts), not in what
 * they do.
 */

const answers = {
  sampling: {
    model: "test-model",
    role: "assistant" as const,
    content: { type: "text" as const, text: "sampled-answer" },
  },
  elicitation: { action: "accept" as const, content: { name: "Ada Lovelace" } },
  roots: { roots: [{ uri: "file:///tmp", name: "temporary" }] },
};

/** The questions and notices that a client got, and the handlers that record them. */
export function createClientNotes() {
  const [asked, logged, changed] = [[] as string[], [] as unknown[], [] as string[]];
  const answerWith = <T>(answer: T) => ({ method }: { method: string }) => {
    asked.push(method);
    return answer;
  };
  return {
    seen: { asked, logged, changed },
    sampling: answerWith(answers.sampling),
    elicitation: answerWith(answers.elicitation),
    roots: answerWith(answers.roots),
    noteLog: ({ params }: { params: { data: unknown } }) => void logged.push(params.data),
    noteTools: () => void changed.push("tools"),
    notePrompts: () => void changed.push("prompts"),
    noteResource: ({ params }: { params: { uri: string } }) => void changed.push(params.uri),
  };
}

/** What all transports have. */
interface Wire {
  onmessage?: ((message: never, extra?: never) => void) | undefined;
}

/**
 * Listens to what arrives, as it arrives: the first SDK can lose the last progress of a call between
 * its transport and its user. The returned function ends it and gives the progress since then, up to
 * the next answer.
 */
export function listenForProgress(transport: Wire): () => number[] {
  const progress: number[] = [];
  const inner = transport.onmessage;
  let answered = false;
  transport.onmessage = (message, extra) => {
    const { id, method, params } = message as {
      id?: unknown;
      method?: string;
      params?: { progress: number };
    };
    if (method === "notifications/progress" && !answered) progress.push(params?.progress ?? NaN);
    if (id !== undefined && method === undefined) answered = true;
    inner?.(message, extra);
  };
  return () => {
    transport.onmessage = inner;
    return progress;
  };
}
