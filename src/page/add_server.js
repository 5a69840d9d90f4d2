/**
 * The dialog that adds a server: a program, a URL, or an entry as in mcp.json. What the entry means
 * is checked by the gateway, whose words are shown.
 */
import { entryOf } from "./new_entry.js";
import { html, live, nothing } from "./vendor/lit-html.js";

/** @import { NewEntry } from "./new_entry.js" */
/** @import { Page } from "./page.js" */

/** The ways to write an entry. */
const forms = /** @type {const} */ ({
  program: "Program",
  url: "URL",
  json: "JSON",
});

/** @typedef {NewEntry & { name: string, problem: string, isBusy: boolean }} NewServer */

/**
 * Opens the dialog.
 * @param {Page} page
 */
export function openAddServer(page) {
  /** @type {NewServer} */
  const state = {
    form: "program",
    name: "",
    command: "",
    args: "",
    env: "",
    url: "",
    headers: "",
    json: '{\n  "command": "npx",\n  "args": ["-y", "@modelcontextprotocol/server-memory"]\n}',
    problem: "",
    isBusy: false,
  };
  const close = page.open({
    title: "Add a server",
    body: () =>
      body(page, state, (event) => {
        event.preventDefault();
        void add(page, state, () => close());
      }, () => close()),
  });
}

/**
 * @param {Page} page
 * @param {NewServer} state
 * @param {(event: Event) => void} submit
 * @param {() => void} cancel
 */
function body(page, state, submit, cancel) {
  const choose = (/** @type {keyof typeof forms} */ form) => {
    Object.assign(state, { form, problem: "" });
    page.redraw();
  };
  return html`<form class="form" novalidate @submit=${submit}>
    ${field(state, "name", "Name", "Letters, digits, - and _, as in the URL")}
    <fieldset class="segments">
      <legend>How it is reached</legend>
      ${
    Object.entries(forms).map(([form, title]) =>
      html`<label>
        <input type="radio" name="form" .checked=${live(state.form === form)}
          @change=${() => choose(/** @type {keyof typeof forms} */ (form))} />
        <span>${title}</span></label>`
    )
  }
    </fieldset>
    ${fields[state.form](state)}
    ${state.problem === "" ? nothing : html`<p class="problem" role="alert">${state.problem}</p>`}
    <div class="actions">
      <button type="button" @click=${cancel}>Cancel</button>
      <button type="submit" class="primary" ?disabled=${state.isBusy}>Add server</button>
    </div>
  </form>`;
}

/** @type {Record<keyof typeof forms, (state: NewServer) => unknown>} */
const fields = {
  program: (state) => [
    field(state, "command", "Command", "A program on PATH, or its absolute path: npx"),
    area(state, "args", "Arguments", "One a line; nothing is split or expanded"),
    area(state, "env", "Environment", "NAME=value, one a line"),
  ],
  url: (state) => [
    field(state, "url", "URL", "https://example.com/mcp"),
    area(state, "headers", "Headers", "Name: value, one a line"),
  ],
  json: (state) => area(state, "json", "Entry", "As it would stand in mcp.json"),
};

/** @typedef {"name" | "command" | "args" | "env" | "url" | "headers" | "json"} TextKey */

/**
 * @param {NewServer} state
 * @param {TextKey} key
 * @param {string} label
 * @param {string} help
 */
const field = (state, key, label, help) =>
  html`<div class="field"><label for="new-${key}">${label}</label>
    <input id="new-${key}" type="text" autocomplete="off" spellcheck="false"
      aria-describedby="new-${key}-help" .value=${live(state[key])}
      @input=${(/** @type {any} */ { target }) => state[key] = target.value} />
    <p class="help" id="new-${key}-help">${help}</p></div>`;

/**
 * @param {NewServer} state
 * @param {TextKey} key
 * @param {string} label
 * @param {string} help
 */
const area = (state, key, label, help) =>
  html`<div class="field"><label for="new-${key}">${label}</label>
    <textarea id="new-${key}" class="mono" rows=${key === "json" ? 8 : 3} spellcheck="false"
      aria-describedby="new-${key}-help" .value=${live(state[key])}
      @input=${(/** @type {any} */ { target }) => state[key] = target.value}></textarea>
    <p class="help" id="new-${key}-help">${help}</p></div>`;

/**
 * @param {Page} page
 * @param {NewServer} state
 * @param {() => void} close
 */
async function add(page, state, close) {
  const name = state.name.trim();
  try {
    if (name === "") throw new Error("Give the server a name");
    const entry = entryOf(state);
    Object.assign(state, { isBusy: true, problem: "" });
    page.redraw();
    const path = `/admin/servers/${encodeURIComponent(name)}`;
    const { warnings = [] } = await page.api.call("PUT", path, entry);
    await page.load("status");
    close();
    page.note(`Added ${name}`);
    for (const warning of warnings) page.fail(warning);
  } catch (problem) {
    state.problem = problem instanceof Error ? problem.message : String(problem);
  }
  state.isBusy = false;
  page.redraw();
}
