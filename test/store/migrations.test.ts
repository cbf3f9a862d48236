import { readdirSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { expect, test } from "vitest";

test("a migration that changes rows names their tables, so that they are copied", () => {
  const folder = resolve(import.meta.dirname, "../../src/store");
  const source = readFileSync(join(folder, "database/migrate.ts"), "utf8");
  const named = /const changedTables[\s\S]*?\n\};/.exec(source)?.[0] ?? "";
  const files = readdirSync(join(folder, "migrations"), { recursive: true, encoding: "utf8" });
  const changing = files.filter(
    (file) =>
      file.endsWith(".ts") &&
      /\b(update|delete from|truncate) \w|\b(drop (table|column)|alter column|rename)\b/.test(
        readFileSync(join(folder, "migrations", file), "utf8"),
      ),
  );
  expect(changing.length).toBeGreaterThan(2);
  expect(changing.filter((file) => !named.includes(`"${basename(file, ".ts")}"`))).toEqual([]);
});
