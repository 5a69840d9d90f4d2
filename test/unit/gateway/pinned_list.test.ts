/** Pinned tools of a surface with a search: names that no tool has are named in the log, once. */
import { expect, test } from "bun:test";
import type { MergedList } from "../../../src/gateway/catalog.ts";
import { pinnedList } from "../../../src/gateway/pinned_list.ts";
import type { ResolvedSurface } from "../../../src/gateway/server.ts";
import { createTestLog } from "../../support/log.ts";
import { callerOf } from "../../support/upstream_deps.ts";

const tools = [{ name: "files__read" }, { name: "files__write" }];
const view: ResolvedSurface = {
  surface: "/profiles/work",
  servers: [],
  prefixed: true,
  takesForeign: false,
};

/** Lists, and the lines of the log. */
function open(pinned: readonly string[], isSameForAll = true) {
  const log = createTestLog();
  const search = { pinned };
  return {
    lines: () => log.records.map(({ severity, message }) => `${severity} ${message}`),
    async list({ items = tools, missing = [] }: Partial<MergedList> = {}) {
      const catalog = { list: async () => ({ items, missing }) };
      const deps = { catalog, access: { isSameForAll: () => isSameForAll }, log };
      const all = await pinnedList(deps, view, search, callerOf("a"), () => false);
      return all.items.slice(3).map(({ name }) => name);
    },
  };
}

const told = (name: string) =>
  `WARN Cannot list the pinned tool "${name}" on /profiles/work: no tool there has this name; ` +
  'correct "pinned" of the profile, or its servers and filters';

test("a pinned name that no tool has is named in the log, at the first whole list", async () => {
  const { list, lines } = open(["files__read", "files__reed", "notes__*"]);
  const late = { missing: [{ name: "notes", reason: "it is starting" }] };
  expect(await list(late)).toEqual(["files__read"]);
  expect(lines()).toEqual([]);
  for (let time = 0; time < 3; time += 1) expect(await list()).toEqual(["files__read"]);
  expect(lines()).toEqual([told("files__reed"), told("notes__*")]);
});

test("a pinned name that a client may not see is not named", async () => {
  const { list, lines } = open(["files__delete"], false);
  expect(await list()).toEqual([]);
  expect(lines()).toEqual([]);
});
