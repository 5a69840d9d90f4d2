/**
 * The admin API as the page calls it: each request with the token in `Authorization`, failures as
 * one kind of error, and the stream of events, which is opened again after each loss. The token is
 * in `sessionStorage`: it ends with the tab, and no other port of this machine gets it, as a cookie
 * would.
 */
import { bounds } from "./bounds.js";
import { readEvents } from "./sse.js";

const tokenKey = "mcp-wrapper.token";

/** What the gateway refused, or that it could not be reached (status 0). */
export class ApiError extends Error {
  /**
   * @param {number} status of HTTP; 0: no answer came
   * @param {string} message
   * @param {string} [code] of the error table
   */
  constructor(status, message, code) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
  }
}

/**
 * @typedef {object} Api
 * @property {() => boolean} hasToken
 * @property {() => void} forget leaves the token behind
 * @property {(code: string) => Promise<void>} signIn exchanges the code of a one-time link
 * @property {(method: string, path: string, body?: unknown) => Promise<any>} call
 * @property {(path: string, init: RequestInit) => Promise<Response>} send a request with the token
 * @property {(listener: EventsListener) => () => void} follow the returned function ends it
 */

/**
 * @typedef {object} EventsListener
 * @property {() => void} onOpen the stream is there: what was missed must be fetched
 * @property {(event: { readonly type: string }) => void} onEvent
 * @property {(retryMs: number) => void} onLost
 */

/**
 * Makes the API.
 * @param {() => void} onRefused the token is not, or no longer, good
 * @returns {Api}
 */
export function createApi(onRefused) {
  const token = () => sessionStorage.getItem(tokenKey);
  const refuse = () => {
    sessionStorage.removeItem(tokenKey);
    onRefused();
  };

  /** @type {Api["send"]} */
  const send = async (path, init) => {
    const headers = new Headers(init.headers);
    headers.set("authorization", `Bearer ${token() ?? ""}`);
    const response = await reach(path, { ...init, headers });
    if (response.status === 401) refuse();
    return response;
  };

  return {
    hasToken: () => token() !== null,
    forget: () => sessionStorage.removeItem(tokenKey),
    send,
    async signIn(code) {
      const response = await reach("/admin/page/token", jsonInit("POST", { code }));
      const answer = await answerOf(response);
      sessionStorage.setItem(tokenKey, String(answer?.token));
    },
    async call(method, path, body) {
      const init = body === undefined ? { method } : jsonInit(method, body);
      const signal = AbortSignal.timeout(bounds.requestMs);
      return await answerOf(await send(path, { ...init, signal }));
    },
    follow: (listener) => follow(send, listener),
  };
}

/**
 * @param {string} method
 * @param {unknown} body
 * @returns {RequestInit}
 */
const jsonInit = (method, body) => ({
  method,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});

/**
 * @param {string} path
 * @param {RequestInit} init
 */
async function reach(path, init) {
  try {
    return await fetch(path, { ...init, cache: "no-store", redirect: "error" });
  } catch (thrown) {
    if (init.signal?.aborted === true && !isTimeout(init.signal.reason)) throw thrown;
    throw new ApiError(0, isTimeout(thrown) ? "The gateway did not answer in time" : unreachable);
  }
}

const unreachable = "Cannot reach the gateway: is it still running?";

/** @param {unknown} thrown */
const isTimeout = (thrown) => thrown instanceof DOMException && thrown.name === "TimeoutError";

/**
 * The JSON of a response; a refusal becomes an error.
 * @param {Response} response
 */
async function answerOf(response) {
  const text = await response.text().catch(() => "");
  /** @type {any} */
  let answer;
  try {
    answer = text === "" ? undefined : JSON.parse(text);
  } catch {
    throw new ApiError(response.status, "The answer of the gateway is not JSON");
  }
  if (response.ok) return answer;
  const { code, message } = answer?.error ?? {};
  const words = typeof message === "string" ? message : `The gateway answered ${response.status}`;
  throw new ApiError(response.status, words, typeof code === "string" ? code : undefined);
}

/**
 * Keeps the stream of events open.
 * @param {Api["send"]} send
 * @param {EventsListener} listener
 */
function follow(send, { onOpen, onEvent, onLost }) {
  const stop = new AbortController();
  let losses = 0;
  const run = async () => {
    while (!stop.signal.aborted) {
      const status = await listen(send, stop.signal, (event) => {
        losses = 0;
        onEvent(event);
      }, onOpen);
      if (stop.signal.aborted || status === 401) return;
      const retryMs = backoff(losses++);
      onLost(retryMs);
      await pause(retryMs, stop.signal);
    }
  };
  void run();
  return () => stop.abort();
}

/**
 * One life of the stream; resolves when it is over, with the status of the response.
 * @param {Api["send"]} send
 * @param {AbortSignal} stop
 * @param {EventsListener["onEvent"]} onEvent
 * @param {() => void} onOpen
 */
async function listen(send, stop, onEvent, onOpen) {
  const silent = new AbortController();
  let timer = setTimeout(() => silent.abort(), bounds.silenceMs);
  const restart = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silent.abort(), bounds.silenceMs);
  };
  try {
    const response = await send("/admin/events", {
      headers: { accept: "text/event-stream" },
      signal: AbortSignal.any([stop, silent.signal]),
    });
    if (!response.ok) return response.status;
    onOpen();
    await readEvents(response, (data) => {
      const event = parsed(data);
      if (event !== undefined) onEvent(event);
    }, restart);
    return response.status;
  } catch {
    return 0;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * @param {string} data
 * @returns {{ readonly type: string } | undefined}
 */
function parsed(data) {
  try {
    const event = JSON.parse(data);
    return typeof event?.type === "string" ? event : undefined;
  } catch {
    return undefined;
  }
}

/** Doubles with each loss in a row; the random part keeps pages from coming back together. */
const backoff = (/** @type {number} */ losses) =>
  Math.min(bounds.reconnectMsMax, bounds.reconnectMsMin * 2 ** Math.min(losses, 10)) *
  (0.5 + Math.random() / 2);

/**
 * @param {number} ms
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}
