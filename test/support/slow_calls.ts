/**
 * A call of `slow` whose client wants progress, begun over each transport of the HTTP layer: the
 * test drives its replies and reads the stream on which they come.
 */
import type { FakeCall } from "./fake_gateway.ts";
import {
  type FrameReader,
  framesOf,
  type Harness,
  initialize,
  jsonHeaders,
  slowCall,
} from "./http_harness.ts";
import { askSlow } from "./stateless_client.ts";

/** A call that a client has made, and the stream on which its answer comes. */
export interface BegunCall {
  readonly call: FakeCall;
  readonly stream: () => Promise<FrameReader>;
}

async function overSse(harness: Harness, meta: object): Promise<BegunCall> {
  const stream = framesOf(await harness.send("GET", "/sse"));
  const url = (await stream.next())?.data ?? "";
  const post = (body: unknown) => harness.send("POST", url, { headers: jsonHeaders, body });
  await post(initialize("2024-11-05"));
  await stream.message();
  await post(slowCall(1, { ...meta }));
  return { call: await harness.gateway.nextCall(), stream: () => Promise.resolve(stream) };
}

async function overStreamable(harness: Harness, meta: object): Promise<BegunCall> {
  const session = await harness.connect();
  const answer = session.post(slowCall(1, { ...meta }));
  const call = await harness.gateway.nextCall();
  return { call, stream: async () => framesOf(await answer) };
}

async function stateless(harness: Harness, meta: object): Promise<BegunCall> {
  const answer = askSlow(harness, { id: 1, ...meta });
  const call = await harness.gateway.nextCall();
  return { call, stream: async () => framesOf(await answer) };
}

/** Begins a call over each transport; `meta` holds its progress token, unless it has none. */
export const slowCalls: Readonly<
  Record<string, (harness: Harness, meta?: object) => Promise<BegunCall>>
> = {
  "HTTP+SSE": (harness, meta = { progressToken: "t" }) => overSse(harness, meta),
  "Streamable HTTP": (harness, meta = { progressToken: "t" }) => overStreamable(harness, meta),
  stateless: (harness, meta = { progressToken: "t" }) => stateless(harness, meta),
};
