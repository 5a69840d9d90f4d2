/** Sealed values come back unchanged and for their own use only, or not at all. */
import { describe, expect, test } from "bun:test";
import { createSealer, makeKey, sha256Hex } from "../../../src/seal.ts";

const payload = { at: 3, list: "tools", "": null, text: '日本 "." 🎈', deep: { a: [0, "0"] } };

describe("a sealer", () => {
  test("opens what it sealed, also after a restart with the same key", async () => {
    const key = makeKey();
    const text = await (await createSealer(key)).seal("cursor", payload, "session a");
    expect(await (await createSealer(key)).open("cursor", text, "session a")).toEqual(payload);
    expect(text).toMatch(/^[\w.-]+$/);
  });

  test("C10 opens nothing for another purpose, another holder or by another key", async () => {
    const sealer = await createSealer(makeKey());
    const text = await sealer.seal("cursor", payload, "a");
    expect(await sealer.open("state", text, "a")).toBeUndefined();
    expect(await sealer.open("cursor", text, "b")).toBeUndefined();
    expect(await sealer.open("cursor", text, "")).toBeUndefined();
    expect(await sealer.open("", text, "cursora")).toBeUndefined();
    const other = await createSealer(makeKey());
    expect(await other.open("cursor", text, "a")).toBeUndefined();
    // The other key's id in front does not help.
    const id = (await other.seal("cursor", payload, "a")).split(".")[0];
    expect(await other.open("cursor", text.replace(/^[^.]+/, `${id}`), "a")).toBeUndefined();
  });

  test("C10 opens no text of which any one bit was flipped", async () => {
    const sealer = await createSealer("a fixed key");
    const text = await sealer.seal("cursor", { at: 1 }, "a");
    for (let at = 0; at < text.length; at++) {
      for (let bit = 0; bit < 7; bit++) {
        const flipped = String.fromCharCode(text.charCodeAt(at) ^ (1 << bit));
        const changed = text.slice(0, at) + flipped + text.slice(at + 1);
        expect([changed, await sealer.open("cursor", changed, "a")]).toEqual([changed, undefined]);
      }
    }
  });

  test("answers any other text without a fault", async () => {
    const sealer = await createSealer("a fixed key");
    const text = await sealer.seal("cursor", payload, "a");
    const [id, body, mac] = text.split(".");
    const bad = [
      "",
      ".",
      "..",
      "...",
      `${id}..`,
      `${id}.${body}.`,
      `${id}.${body}`,
      `${id}..${mac}`,
      `${id}.${body}.${mac}=`,
      `${id}.${body}.${mac}.`,
      `${id}.${body}.${mac} `,
      ` ${text}`,
      `${text}${text}`,
      `${id}.${body}.!`,
      `${id}.日本.${mac}`,
      "a".repeat(100_000),
      ".".repeat(100_000),
    ];
    for (const other of bad) {
      const found = await sealer.open("cursor", other, "a");
      expect([other.slice(0, 100), found]).toEqual([other.slice(0, 100), undefined]);
    }
  });

  test("digests equal texts equally, and only with the same key", async () => {
    const sealer = await createSealer("one key");
    const digest = await sealer.digest("secret");
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    expect(await (await createSealer("one key")).digest("secret")).toBe(digest);
    expect(await sealer.digest("secret ")).not.toBe(digest);
    expect(await (await createSealer("other key")).digest("secret")).not.toBe(digest);
    expect(await sha256Hex("secret")).not.toBe(digest);
  });

  test("is not made of an empty key", async () => {
    await expect(createSealer("")).rejects.toThrow("the key is empty");
  });
});

describe("sealed values", () => {
  test("comes back to the same key, also after a restart, and says nothing by itself", async () => {
    const key = makeKey();
    const text = await (await createSealer(key)).encrypt("credential", payload, "far");
    expect(await (await createSealer(key)).decrypt("credential", text, "far")).toEqual(payload);
    expect(text).toMatch(/^[\w.-]+$/);
    for (const part of text.split(".")) {
      expect(atob(part.replaceAll("-", "+").replaceAll("_", "/"))).not.toContain("tools");
    }
    expect(await (await createSealer(key)).encrypt("credential", payload, "far")).not.toBe(text);
  });

  test("is read for no other purpose, binding or key, and not where any bit was flipped", async () => {
    const sealer = await createSealer("a fixed key");
    const text = await sealer.encrypt("credential", { at: 1 }, "a");
    expect(await sealer.decrypt("cursor", text, "a")).toBeUndefined();
    expect(await sealer.decrypt("credential", text, "b")).toBeUndefined();
    expect(await (await createSealer(makeKey())).decrypt("credential", text, "a")).toBeUndefined();
    expect(await sealer.open("credential", text, "a")).toBeUndefined();
    const signed = await sealer.seal("credential", { at: 1 }, "a");
    expect(await sealer.decrypt("credential", signed, "a")).toBeUndefined();
    for (let at = 0; at < text.length; at++) {
      for (let bit = 0; bit < 7; bit++) {
        const flipped = String.fromCharCode(text.charCodeAt(at) ^ (1 << bit));
        const changed = text.slice(0, at) + flipped + text.slice(at + 1);
        expect([changed, await sealer.decrypt("credential", changed, "a")])
          .toEqual([changed, undefined]);
      }
    }
    for (const bad of ["", ".", "..", "a.b.c", `${text}.`, ` ${text}`, `${text}=`]) {
      expect(await sealer.decrypt("credential", bad, "a")).toBeUndefined();
    }
  });
});

test("makeKey gives 32 random bytes as text", () => {
  const keys = new Set(Array.from({ length: 100 }, makeKey));
  expect(keys.size).toBe(100);
  for (const key of keys) expect(key).toMatch(/^[\w-]{43}$/);
});

test("sha256Hex agrees with the published example", async () => {
  expect(await sha256Hex("abc")).toBe(
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
});
