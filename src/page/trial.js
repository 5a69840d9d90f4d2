/**
 * One thing of a server that a person tries: a form made from its schema, the call with its progress
 * and log notices, and what came of it. Tools, prompts and resource templates are tried alike.
 */
import { askPerson } from "./ask_dialog.js";
import { bounds } from "./bounds.js";
import { duration } from "./format.js";
import { createForm } from "./form_view.js";
import { jsonView } from "./json_view.js";
import { McpError } from "./mcp.js";
import { longText, said } from "./page.js";
import { html, nothing } from "./vendor/lit-html.js";

/** @import { Form } from "./form_view.js" */
/** @import { CallOptions, JsonObject } from "./mcp.js" */
/** @import { Page } from "./page.js" */

/**
 * What is tried, and how.
 * @typedef {object} Attempt
 * @property {string} server
 * @property {unknown} schema of the form
 * @property {string} action what its button says
 * @property {(args: JsonObject, options: CallOptions) => Promise<JsonObject>} run
 * @property {(result: JsonObject) => unknown} showResult
 * @property {() => unknown} [between] what stands between the form and the result
 * @property {(args: JsonObject) => void} [onStart]
 * @property {(result: JsonObject | undefined) => void} [onEnd]
 */

/**
 * @typedef {object} Trial
 * @property {() => unknown} show
 * @property {() => void} close cancels what is under way
 */

/**
 * @typedef {object} TrialState
 * @property {Form} form
 * @property {AbortController | undefined} running
 * @property {number} startedAt
 * @property {number | undefined} ms
 * @property {JsonObject | undefined} progress the latest
 * @property {readonly JsonObject[]} notices
 * @property {JsonObject | undefined} result
 * @property {unknown} failure
 */

/** The time that runs is counted on at this pace, in milliseconds. */
const tickMs = 500;

/**
 * @param {Page} page
 * @param {Attempt} attempt
 * @returns {Trial}
 */
export function createTrial(page, attempt) {
  /** @type {TrialState} */
  const state = {
    form: createForm(attempt.schema, page.redraw),
    running: undefined,
    startedAt: 0,
    ms: undefined,
    progress: undefined,
    notices: [],
    result: undefined,
    failure: undefined,
  };
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (state.running !== undefined) return;
    const args = state.form.read();
    if (args === undefined) requestAnimationFrame(() => state.form.focusProblem());
    else void run(page, attempt, state, /** @type {JsonObject} */ (args));
  };
  return {
    show: () => trialView(page, attempt, state, submit),
    close: () => state.running?.abort(),
  };
}

/**
 * @param {Page} page
 * @param {Attempt} attempt
 * @param {TrialState} state
 * @param {JsonObject} args
 */
async function run(page, attempt, state, args) {
  const running = new AbortController();
  Object.assign(state, {
    running,
    startedAt: performance.now(),
    ms: undefined,
    progress: undefined,
    notices: [],
    result: undefined,
    failure: undefined,
  });
  const timer = setInterval(page.redraw, tickMs);
  attempt.onStart?.(args);
  page.redraw();
  try {
    state.result = await attempt.run(args, {
      signal: running.signal,
      onProgress(progress) {
        state.progress = progress;
        page.redraw();
      },
      onLog(notice) {
        state.notices = [...state.notices, notice].slice(-bounds.noticesMax);
        page.redraw();
      },
      onAsk: (question) => askPerson(page, attempt.server, question),
    });
  } catch (thrown) {
    state.failure = running.signal.aborted ? "Cancelled" : thrown;
  }
  clearInterval(timer);
  state.ms = performance.now() - state.startedAt;
  state.running = undefined;
  attempt.onEnd?.(state.result);
  page.redraw();
}

/**
 * @param {Page} page
 * @param {Attempt} attempt
 * @param {TrialState} state
 * @param {(event: Event) => void} submit
 */
function trialView(page, attempt, state, submit) {
  const { running, form } = state;
  return html`<form class="form trial" novalidate @submit=${submit}>
      ${form.show()}
      <div class="actions start">
        <button type="submit" class="primary" ?disabled=${
    running !== undefined
  }>${attempt.action}</button>
        ${
    running === undefined
      ? nothing
      : html`<button type="button" @click=${() => running.abort()}>Cancel the call</button>`
  }
      </div>
    </form>
    ${running === undefined ? nothing : progressView(state)}
    ${noticesView(page, state)}
    ${attempt.between?.() ?? nothing}
    ${outcomeView(page, attempt, state)}`;
}

/** @param {TrialState} state */
function progressView({ progress, startedAt }) {
  const { progress: value, total, message } = progress ?? {};
  const isKnown = typeof value === "number" && typeof total === "number" && total > 0;
  const words = isKnown
    ? `${value} of ${total}`
    : typeof value === "number"
    ? `Progress ${value}`
    : "Running";
  return html`<div class="progress">
    ${
    isKnown
      ? html`<progress aria-label="Progress of the call" max=${total} value=${value}></progress>`
      : html`<progress aria-label="The call is running"></progress>`
  }
    <p><span class="mono">${words}</span> · ${duration(performance.now() - startedAt)}
      ${typeof message === "string" ? html`· ${said(message)}` : nothing}</p>
  </div>`;
}

/**
 * @param {Page} page
 * @param {TrialState} state
 */
function noticesView(page, { notices }) {
  if (notices.length === 0) return nothing;
  return html`
    <details class="notices" open>
      <summary>Log of the server, ${notices.length}</summary>
      <ol>${notices.map(({ level, logger, data }) =>
        html`<li><span class="level">${said(level, 12)}</span> ${
          logger === undefined ? nothing : said(logger, 60)
        }
        ${typeof data === "string" ? said(data) : jsonView(page, data)}</li>`
      )}</ol>
    </details>
  `;
}

/**
 * @param {Page} page
 * @param {Attempt} attempt
 * @param {TrialState} state
 */
function outcomeView(page, attempt, { result, failure, ms }) {
  if (failure === undefined && result === undefined) return nothing;
  return html`<section class="outcome" aria-label="Result">
    <h3>Result <span class="muted">${duration(ms)}</span></h3>
    ${failure === undefined ? nothing : failureView(page, failure)}
    ${result === undefined ? nothing : attempt.showResult(result)}
    ${
    result === undefined
      ? nothing
      : html`<details class="whole"><summary>The whole result as JSON</summary>${
        jsonView(page, result)
      }</details>`
  }
  </section>`;
}

/**
 * @param {Page} page
 * @param {unknown} failure
 */
export function failureView(page, failure) {
  const text = failure instanceof Error ? failure.message : String(failure);
  const data = failure instanceof McpError ? failure.data : undefined;
  const owner = typeof failure === "object" && failure !== null ? failure : page;
  return html`<div class="problem" role="alert">${longText(page, owner, "failure", text)}</div>
    ${data === undefined ? nothing : jsonView(page, data)}`;
}
