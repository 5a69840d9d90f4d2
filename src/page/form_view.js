/**
 * A form made from a JSON Schema (schema_form.js): labels, hints, and for each field the control
 * that suits it. The form keeps its state here; what was filled in is read by form_values.js.
 */
import { bounds } from "./bounds.js";
import { hintOf, pathOf, readField, readJson, stateOf } from "./form_values.js";
import { hint, marked, said } from "./page.js";
import { asJson, formOf } from "./schema_form.js";
import { html, live, nothing } from "./vendor/lit-html.js";
import { cut } from "./visible.js";

/** @import { FieldState, FormReading } from "./form_values.js" */
/** @import { Field } from "./schema_form.js" */

/**
 * One form while it is filled in.
 * @typedef {object} Form
 * @property {() => unknown} show
 * @property {() => unknown} read the value; undefined, with the problems shown, if there is none
 * @property {() => boolean} focusProblem puts the focus on the first field with a problem
 */

/**
 * @typedef {object} FormState
 * @property {string} id the beginning of the ids of its elements
 * @property {Field} field
 * @property {FieldState} state
 * @property {string | undefined} json the whole value as text; undefined: the fields are used
 * @property {FormReading["problems"]} problems
 * @property {() => void} changed
 */

let lastForm = 0;

/**
 * @param {unknown} schema undefined: there is nothing to fill in
 * @param {() => void} changed asks for a rendering
 * @returns {Form}
 */
export function createForm(schema, changed) {
  const field = formOf(schema);
  /** @type {FormState} */
  const form = {
    id: `form-${lastForm += 1}`,
    field,
    state: stateOf(field),
    json: undefined,
    problems: [],
    changed,
  };
  return {
    show: () => schema === undefined ? nothing : formView(form),
    read() {
      const { value, problems } = form.json === undefined
        ? readField(field, form.state)
        : readJson(form.json, "");
      form.problems = problems;
      changed();
      return problems.length === 0 ? value ?? {} : undefined;
    },
    focusProblem() {
      const first = form.problems[0];
      const element = first === undefined ? null : document.getElementById(idOf(form, first.path));
      element?.focus();
      return element !== null;
    },
  };
}

/**
 * @param {FormState} form
 * @param {string} path
 */
const idOf = ({ id }, path) => `${id}-${path}`;

/** @param {FormState} form */
function formView(form) {
  const { field, json } = form;
  const isEmpty = field.kind === "object" && field.fields.length === 0;
  const toggle = () => {
    if (json === undefined) {
      const { value } = readField(field, form.state);
      form.json = JSON.stringify(value ?? {}, undefined, 2);
    } else {
      const { value, problems } = readJson(json, "");
      form.problems = problems;
      if (problems.length === 0) {
        form.state = stateOf(field, value);
        form.json = undefined;
      }
    }
    form.changed();
  };
  return html`
    ${json !== undefined
      ? jsonArea(form, asJson(field), "", json, (text) => form.json = text)
      : isEmpty
      ? html`<p class="muted">It takes no arguments.</p>`
      : field.kind === "object"
      ? field.fields.map((member) => fieldView(form, member, member.key, memberOf(form, member)))
      : fieldView(form, field, "", whole(form))}
    ${field.kind === "json"
      ? nothing
      : html`<button type="button" class="quiet" @click=${toggle}>${
        json === undefined ? "Write it as JSON" : "Back to the form"
      }</button>`}
  `;
}

/**
 * Where the state of a field is kept.
 * @typedef {{ readonly get: () => FieldState, readonly set: (state: FieldState) => void }} Place
 */

/** @type {(form: FormState) => Place} */
const whole = (form) => ({ get: () => form.state, set: (state) => void (form.state = state) });

/** @type {(form: FormState, field: Field) => Place} */
const memberOf = (form, field) => within(whole(form), field.key);

/**
 * @param {Place} place
 * @param {string | number} key
 * @returns {Place}
 */
function within(place, key) {
  const around = () => /** @type {Record<string | number, FieldState>} */ (place.get());
  return { get: () => around()[key] ?? "", set: (state) => void (around()[key] = state) };
}

/**
 * @param {FormState} form
 * @param {Field} field
 * @param {string} path
 * @param {Place} place
 * @returns {unknown}
 */
function fieldView(form, field, path, place) {
  if (field.kind === "object") {
    return html`<fieldset class="group"><legend>${label(field)}</legend>${
      description(form, field, path)
    }
      ${
      field.fields.map((member) =>
        fieldView(form, member, pathOf(path, member.key), within(place, member.key))
      )
    }</fieldset>`;
  }
  if (field.kind === "list") return listView(form, field, path, place);
  return html`<div class="field">
    <label for=${idOf(form, path)}>${label(field)}</label>
    ${control(form, field, path, place)}${description(form, field, path)}${problemOf(form, path)}
  </div>`;
}

/** @param {Field} field */
function label(field) {
  const words = hintOf(field);
  return html`<span>${said(field.label || "Value")}${
    field.isRequired ? html`<span class="required" title="Required"> *</span>` : nothing
  }</span>${words === "" ? nothing : html`<span class="kind">${said(words, 80)}</span>`}`;
}

/**
 * @param {FormState} form
 * @param {Field} field
 * @param {string} path
 */
const description = (form, field, path) =>
  field.description === ""
    ? nothing
    : html`<p class="help" id="${idOf(form, path)}-help">${
      marked(cut(field.description, bounds.textCharsMax))
    }</p>`;

/**
 * @param {FormState} form
 * @param {string} path
 */
function problemOf({ problems, id }, path) {
  const found = problems.find((one) => one.path === path);
  return found === undefined
    ? nothing
    : html`<p class="problem" id="${id}-${path}-problem">${found.message}</p>`;
}

/**
 * What describes a control to a screen reader.
 * @param {FormState} form
 * @param {Field} field
 * @param {string} path
 */
function describedBy(form, field, path) {
  const ids = [
    ...(field.description === "" ? [] : [`${idOf(form, path)}-help`]),
    ...(isWrong(form, path) ? [`${idOf(form, path)}-problem`] : []),
  ];
  return ids.length === 0 ? nothing : ids.join(" ");
}

/**
 * @param {FormState} form
 * @param {string} path
 */
const isWrong = ({ problems }, path) => problems.some((one) => one.path === path);

/**
 * @param {FormState} form
 * @param {Field} field
 * @param {string} path
 * @param {Place} place
 */
function control(form, field, path, place) {
  const value = String(place.get());
  if (field.kind === "json") return jsonArea(form, field, path, value, place.set);
  if (field.kind === "choice" || field.kind === "boolean") {
    const options = field.kind === "choice"
      ? field.options.map(({ label: title }, index) => [String(index), title])
      : [["true", "true"], ["false", "false"]];
    return html`
      <select id=${idOf(form, path)} aria-describedby=${describedBy(form, field, path)}
        aria-invalid=${isWrong(form, path) ? "true" : nothing} ?required=${field.isRequired}
        @change=${(/** @type {any} */ { target }) => place.set(target.value)}>
            <option value="" ?selected=${value === ""}>${field.isRequired
              ? "Choose"
              : "Not given"}</option>
            ${options.map(([key, title]) =>
              html`<option value=${key} ?selected=${key === value}>${hint(title)}</option>`
            )}</select>
    `;
  }
  const isLong = field.kind === "string" && (value.includes("\n") || value.length > longCharsMin);
  const input = (/** @type {any} */ { target }) => place.set(target.value);
  return isLong
    ? html`
      <textarea id=${idOf(form, path)} rows="4" spellcheck="false"
        aria-describedby=${describedBy(form, field, path)} @input=${input}
        aria-invalid=${isWrong(form, path) ? "true" : nothing} .value=${live(value)}></textarea>
    `
    : html`
      <input id=${idOf(form, path)} type="text" autocomplete="off" spellcheck="false"
        inputmode=${field.kind === "string" ? "text" : "decimal"} .value=${live(value)}
        aria-describedby=${describedBy(form, field, path)} aria-required=${String(field.isRequired)}
        aria-invalid=${isWrong(form, path) ? "true" : nothing} @input=${input} />
    `;
}

/** A text beyond it is filled in on several lines. */
const longCharsMin = 80;

/**
 * @param {FormState} form
 * @param {Field} field
 * @param {string} path
 * @param {string} value
 * @param {(text: string) => void} set
 */
const jsonArea = (form, field, path, value, set) =>
  html`
    <textarea id=${idOf(form, path)} class="mono" rows="6" spellcheck="false"
      aria-label=${path === "" ? "Arguments as JSON" : nothing} .value=${live(value)}
      aria-describedby=${describedBy(form, field, path)}
      aria-invalid=${isWrong(form, path) ? "true" : nothing}
      @input=${(/** @type {any} */ { target }) => set(target.value)}></textarea>
        ${path === "" ? problemOf(form, path) : nothing}
  `;

/**
 * @param {FormState} form
 * @param {Extract<Field, { kind: "list" }>} field
 * @param {string} path
 * @param {Place} place
 */
function listView(form, field, path, place) {
  const items = /** @type {FieldState[]} */ (place.get());
  const change = (/** @type {FieldState[]} */ next) => {
    place.set(next);
    form.changed();
  };
  return html`<fieldset class="group list"><legend>${label(field)}</legend>
    ${description(form, field, path)}
    ${
    items.map((_, index) => {
      const at = pathOf(path, String(index));
      return html`<div class="item"><label class="unshown" for=${idOf(form, at)}>${
        hint(field.label)
      } ${index + 1}</label>${control(form, field.item, at, within(place, index))}
        <button type="button" class="quiet" aria-label="Remove item ${index + 1}"
          @click=${() => change(items.filter((_one, other) => other !== index))}>×</button>
        ${problemOf(form, at)}</div>`;
    })
  }
    <button type="button" class="small" id=${idOf(form, path)}
      ?disabled=${items.length >= bounds.formItemsMax}
      @click=${() => change([...items, stateOf(field.item)])}>Add item</button>
    ${problemOf(form, path)}</fieldset>`;
}
