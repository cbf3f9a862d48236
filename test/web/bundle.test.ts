import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { brotliDecompressSync, gunzipSync, gzipSync } from "node:zlib";
import { expect, test } from "vitest";

/** How much the page may weigh, gzipped: what a first view loads, and each part that comes later. */
const folder = resolve(import.meta.dirname, "../../dist/web");
const budgets = { scripts: 60_000, styles: 8_000, part: 30_000 };

const weigh = async (name: string) => gzipSync(await readFile(join(folder, name))).length;

test("the first view and each later part stay within their budgets", async () => {
  const index = await readFile(join(folder, "index.html"), "utf8");
  const first = [...index.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(([, name]) => name);
  const files = (await readdir(join(folder, "assets"))).filter((name) => /\.(js|css)$/.test(name));
  const weights = await Promise.all(
    files.map(async (file) => {
      const name = `assets/${file}`;
      return { name, isFirst: first.includes(name), gzip: await weigh(name) };
    }),
  );
  const total = (ending: string) =>
    weights
      // The inbox is what a first view shows.
      .filter(({ isFirst, name }) => name.endsWith(ending) && (isFirst || name.includes("inbox-")))
      .reduce((sum, { gzip }) => sum + gzip, 0);
  expect(total(".js")).toBeGreaterThan(0);
  expect(total(".js")).toBeLessThanOrEqual(budgets.scripts);
  expect(total(".css")).toBeLessThanOrEqual(budgets.styles);
  const heavy = weights.filter(({ gzip, isFirst }) => !isFirst && gzip > budgets.part);
  expect(heavy).toEqual([]);
});

test("nothing in it is of another origin, or inline", async () => {
  const index = await readFile(join(folder, "index.html"), "utf8");
  expect(index.match(/https?:\/\//g)).toBeNull();
  expect(index.match(/<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=/g)).toBeNull();
});

test("what is sent compressed is what was built", async () => {
  const assets = join(folder, "assets");
  const all = await readdir(assets);
  const compressed = all.filter((name) => /\.(br|gz)$/.test(name));
  expect(compressed.length).toBeGreaterThan(0);
  for (const name of compressed) {
    const unpack = name.endsWith(".br") ? brotliDecompressSync : gunzipSync;
    const plain = await readFile(join(assets, name.replace(/\.(br|gz)$/, "")));
    expect(unpack(await readFile(join(assets, name))).equals(plain), name).toBe(true);
  }
});
