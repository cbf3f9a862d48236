import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

/** Builds the page into dist/web, which the daemon serves: no other origin, nothing inline. */
export default defineConfig({
  root: import.meta.dirname,
  publicDir: "public",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  resolve: {
    alias: { react: "preact/compat", "react-dom": "preact/compat" },
    dedupe: ["preact"],
  },
  build: {
    outDir: "../dist/web",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  plugins: [compressed()],
});

/** Writes `.br` and `.gz` beside what text it makes, so that the daemon compresses nothing itself. */
function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    // When the files are written: before, other plugins may still change them.
    async writeBundle({ dir = "" }, files) {
      for (const name of Object.keys(files)) {
        const text = await readFile(join(dir, name));
        if (!/\.(js|css|html|svg)$/.test(name) || text.length < 1_000) continue;
        await writeFile(join(dir, `${name}.br`), brotliCompressSync(text));
        await writeFile(join(dir, `${name}.gz`), gzipSync(text));
      }
    },
  };
}
