/** Profiles: some tools of some servers at a URL of their own; those of the registry can be changed. */
import { bounds } from "../bounds.js";
import { count } from "../format.js";
import { jsonView } from "../json_view.js";
import { attempt, confirmed, copyButton, emptyState, hint, loading, said } from "../page.js";
import { html, live, nothing, repeat } from "../vendor/lit-html.js";

/** @import { Page, View } from "../page.js" */
/** @import { ProfileRow } from "../state.js" */

const example = { servers: { files: { tools: { allow: ["read_*"] } }, memory: {} } };

/**
 * @param {Page} page
 * @returns {View}
 */
export function openProfiles(page) {
  return {
    title: () => "Profiles",
    show() {
      const { profiles } = page.data();
      return html`
        <div class="head"><div><h1 tabindex="-1">Profiles</h1>
          <p class="summary">${profiles === undefined || profiles === null
            ? nothing
            : count(profiles.length, "profile")}</p></div>
          <button type="button" class="primary" @click=${() =>
            edit(page, undefined)}>Add profile</button></div>
        ${profiles === undefined || profiles === null
          ? loading()
          : profiles.length === 0
          ? emptyState(
            "No profile yet",
            html`A profile offers some tools of some servers at a URL of its own, for a client that
              needs fewer of them. Add one here, or under <code>"profiles"</code> in
              <code>mcp.json</code>.`,
          )
          : repeat(profiles.slice(0, bounds.rowsMax), ({ name }) =>
            name, (profile) =>
            panel(page, profile))}
      `;
    },
  };
}

/**
 * @param {Page} page
 * @param {ProfileRow} profile
 */
function panel(page, profile) {
  const { name, source, url, entry, problem } = profile;
  return html`<section class="panel" aria-label="Profile ${hint(name)}">
    <div class="head"><div><h2>${said(name)}</h2>
      <p class="summary"><span class="mono wrap">${said(url)}</span>
        ${copyButton(page, url, `Copy the URL of ${hint(name)}`)}</p></div>
      ${
    source === "file"
      ? html`<p class="sub">Defined in mcp.json: change it there</p>`
      : html`<div class="buttons">
          <button type="button" class="small" aria-label="Edit ${hint(name)}"
            @click=${() => edit(page, profile)}>Edit</button>
          <button type="button" class="small danger" aria-label="Remove ${hint(name)}"
            @click=${() => remove(page, name)}>Remove</button></div>`
  }</div>
    ${
    problem === undefined
      ? nothing
      : html`<p class="problem">${said(problem, bounds.textCharsMax)}</p>`
  }
    ${jsonView(page, entry)}
  </section>`;
}

/**
 * @param {Page} page
 * @param {string} name
 */
async function remove(page, name) {
  const isSure = await confirmed(page, {
    title: "Remove this profile?",
    text: html`Clients that use the URL of ${said(name)} lose it.`,
    action: "Remove",
  });
  if (!isSure) return;
  await attempt(page, async () => {
    await page.api.call("DELETE", `/admin/profiles/${encodeURIComponent(name)}`);
    await page.load("profiles");
    return `Removed ${name}`;
  });
}

/**
 * The dialog in which a profile is written.
 * @param {Page} page
 * @param {ProfileRow | undefined} profile undefined: a new one
 */
function edit(page, profile) {
  const state = {
    name: profile?.name ?? "",
    json: JSON.stringify(profile?.entry ?? example, undefined, 2),
    problem: "",
  };
  const save = async () => {
    try {
      const name = state.name.trim();
      if (name === "") throw new Error("Give the profile a name");
      const entry = JSON.parse(state.json);
      const path = `/admin/profiles/${encodeURIComponent(name)}`;
      const { warnings = [] } = await page.api.call("PUT", path, entry);
      await page.load("profiles");
      close();
      page.note(`Saved ${name}`);
      for (const warning of warnings) page.fail(warning);
    } catch (thrown) {
      state.problem = thrown instanceof SyntaxError
        ? `The entry is not JSON: ${thrown.message}`
        : thrown instanceof Error
        ? thrown.message
        : String(thrown);
      page.redraw();
    }
  };
  const close = page.open({
    title: profile === undefined ? "Add a profile" : "Edit the profile",
    body: () =>
      html`<form class="form" novalidate @submit=${(/** @type {Event} */ event) => {
        event.preventDefault();
        void save();
      }}>
        <div class="field"><label for="profile-name">Name</label>
          <input id="profile-name" type="text" autocomplete="off" spellcheck="false"
            ?readonly=${profile !== undefined} .value=${live(state.name)}
            @input=${(/** @type {any} */ { target }) => state.name = target.value} /></div>
        <div class="field"><label for="profile-entry">Entry</label>
          <textarea id="profile-entry" class="mono" rows="12" spellcheck="false"
            aria-describedby="profile-help" .value=${live(state.json)}
            @input=${(/** @type {any} */ { target }) => state.json = target.value}></textarea>
          <p class="help" id="profile-help">As it would stand under "profiles" in mcp.json</p></div>
        ${
        state.problem === "" ? nothing : html`<p class="problem" role="alert">${state.problem}</p>`
      }
        <div class="actions">
          <button type="button" @click=${() => close()}>Cancel</button>
          <button type="submit" class="primary">Save</button></div></form>`,
  });
}
