/** Arguments on the wire: where they go, how lists and objects are written, and what they cannot do. */
import { afterEach, describe, expect, test } from "bun:test";
import {
  type ApiOptions,
  createApis,
  operationOf,
  parameter,
} from "../../../support/api_server.ts";
import type { JsonObject } from "../../../../src/model.ts";
import type { Operation, Parameter } from "../../../../src/upstream/rest/service.ts";

const apis = createApis();
afterEach(apis.closeAll);
const echo = { "*": (visit: { json(value: unknown): void }) => visit.json({ ok: true }) };

/** Opens one tool, `it`. */
const open = (
  parameters: readonly Parameter[],
  schemas: JsonObject = {},
  overrides: Partial<Operation> = {},
  options: ApiOptions = {},
) => apis.open(echo, [operationOf({ name: "it", ...overrides }, parameters, schemas)], options);

describe("where arguments go", () => {
  test("path, query, header and cookie each get theirs, under the wire's name", async () => {
    const api = await open(
      [
        parameter({ argument: "id", in: "path", required: true }),
        parameter({ argument: "limit", wire: "per_page", default: 50 }),
        parameter({ argument: "trace", wire: "X-Trace", in: "header" }),
        parameter({ argument: "theme", in: "cookie" }),
      ],
      { limit: { type: "integer" } },
      { path: "/things/{id}/parts" },
      { prefix: "/v1" },
    );
    await api.call("it", { id: "a b/ü", trace: "t-1", theme: "dark;x=1" });
    await api.call("it", { id: "7", limit: 5 });
    const [first, second] = api.server.seen;
    expect(first?.url).toBe("/v1/things/a%20b%2F%C3%BC/parts?per_page=50");
    expect(first?.headers["x-trace"]).toBe("t-1");
    expect(first?.headers.cookie).toBe("theme=dark%3Bx%3D1");
    expect(first?.headers.accept).toBe("application/json");
    expect(second?.url).toBe("/v1/things/7/parts?per_page=5");
    expect(second?.headers.cookie).toBe(undefined);
  });
});
