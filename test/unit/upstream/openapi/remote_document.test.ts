/**
 * OpenAPI documents at URLs: what is requested where, with which credentials, and what a document
 * must not choose.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { documentOf, loadAt, pet, refersTo, refusalOf } from "../../../support/openapi_load.ts";
import { type Served, serveFetch } from "../../../support/serve_fetch.ts";

describe("A document at a URL", () => {
  let served: Served | undefined;
  afterEach(async () => {
    await served?.close();
    served = undefined;
  });
  const serve = async (answers: Readonly<Record<string, unknown>>) => {
    const asked: { readonly path: string; readonly headers: Headers }[] = [];
    served = await serveFetch(async (request) => {
      const { pathname } = new URL(request.url);
      asked.push({ path: pathname, headers: request.headers });
      const answer = answers[pathname];
      if (typeof answer === "function") return answer();
      return answer === undefined ? new Response("no", { status: 404 }) : Response.json(answer);
    });
    return { asked, origin: `http://127.0.0.1:${served.port}` };
  };
  const secret = { credentials: { type: "bearer", token: "secret" } } as const;

  test("is fetched with what it refers to, and its API is where it says, within its origin", async () => {
    const { servers: _, ...document } = refersTo("sub/pet.json#/Pet");
    const { asked, origin } = await serve({
      "/docs/api.json": {
        ...document,
        servers: [{ url: "../v{n}", variables: { n: { default: 2 } } }],
      },
      "/docs/sub/pet.json": pet,
    });
    const { service } = await loadAt(`${origin}/docs/api.json`, secret);
    expect(service.baseUrl).toBe(`${origin}/v2`);
    expect(service.operations[1]?.inputSchema["properties"]).toEqual({ name: { type: "string" } });
    expect(asked.map(({ path }) => path)).toEqual(["/docs/api.json", "/docs/sub/pet.json"]);
    expect(asked.some(({ headers }) => headers.has("authorization"))).toBe(false);
  });

  test("gets the credentials only where the operator put the API at its origin", async () => {
    const { asked, origin } = await serve({ "/api.json": refersTo("#/paths") });
    const more = { ...secret, headers: { "x-team": "cats" } };
    await loadAt(`${origin}/api.json`, { ...more, baseUrl: `${origin}/v1` });
    await loadAt(`${origin}/api.json`, { ...more, baseUrl: "https://pets.example" });
    expect(asked.map(({ headers }) => [headers.get("authorization"), headers.get("x-team")]))
      .toEqual([["Bearer secret", "cats"], [null, null]]);
  });

  test("cannot choose another origin for its API", async () => {
    const { origin } = await serve({ "/api.json": documentOf({ "/a": { get: {} } }) });
    expect(await refusalOf(loadAt(`${origin}/api.json`, secret))).toContain(
      'set "baseUrl" to "https://pets.example/v1" if that is right',
    );
    const { service } = await loadAt(`${origin}/api.json`, { baseUrl: "https://pets.example/v2/" });
    expect(service.baseUrl).toBe("https://pets.example/v2");
  });

  test("refers to nothing outside of its origin: no other host, port, scheme or file is asked", async () => {
    const other = await serveFetch(async () => {
      reached += 1;
      return Response.json(pet);
    });
    let reached = 0;
    try {
      for (
        const reference of [
          `http://127.0.0.1:${other.port}/pet.json#/Pet`,
          `//127.0.0.1:${other.port}/pet.json#/Pet`,
          "https://127.0.0.1/pet.json#/Pet",
          "file:///etc/passwd",
        ]
      ) {
        const { origin } = await serve({ "/api.json": refersTo(reference) });
        const { service } = await loadAt(`${origin}/api.json`, { baseUrl: "https://pets.example" });
        expect(service.leftOut[0]).toContain(`it leaves "${origin}", where the document is`);
        await served?.close();
      }
    } finally {
      await other.close();
    }
    expect(reached).toBe(0);
  });

  test("that is unavailable says why, without what is secret in its URL", async () => {
    const { origin } = await serve({
      "/closed": () => new Response("no", { status: 401 }),
      "/busy": () => new Response("no", { status: 503 }),
      "/page": () =>
        new Response("<html>Log in</html>", { headers: { "content-type": "text/html" } }),
    });
    expect(await refusalOf(loadAt(`${origin}/none?key=hidden`))).toBe(
      'Server "pets" answers the request for its document with status 404; correct its URL',
    );
    expect(await refusalOf(loadAt(`${origin}/closed`, secret))).toContain(
      `set "baseUrl" to "${origin}"`,
    );
    expect(await refusalOf(loadAt(`${origin}/closed`, { ...secret, baseUrl: origin }))).toContain(
      "status 401; correct the credentials",
    );
    expect(await refusalOf(loadAt(`${origin}/busy`))).toContain(
      "status 503; the gateway tries again",
    );
    const page = await refusalOf(loadAt(`${origin}/page?key=hidden`));
    expect(page).toContain(`Cannot take "${origin}/page?…"`);
    expect(page).not.toContain("hidden");
  });

  test("that does not come in time is given up", async () => {
    served = await serveFetch(() => new Promise(() => {}));
    expect(
      await refusalOf(loadAt(`http://127.0.0.1:${served.port}/api.json`, { startTimeoutMs: 100 })),
    ).toMatch(/within 100 ms|in time|did not answer/);
  });
});
