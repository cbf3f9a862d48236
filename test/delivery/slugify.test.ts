import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { slugify } from "../../src/delivery/slugify.ts";
import { isPlainName } from "../../src/worktree/mirror/source-repository.ts";

test.each([
  ["Repair the greeting, please!", "repair-the-greeting-please"],
  ["acme/app#7", "acme-app-7"],
  ["Почини вход в систему", "почини-вход-в-систему"],
  ["修复登录页面", "修复登录页面"],
  ["أصلح صفحة الدخول", "أصلح-صفحة-الدخول"],
  ["लॉगिन ठीक करें", "लॉगिन-ठीक-करें"],
  ["Größe ändern", "größe-ändern"],
  ["🎉 Add a login 🎉", "add-a-login"],
  ["🐛 🔥", "🐛-🔥"],
  ["--upload-pack=x; rm -rf ~", "upload-pack-x-rm-rf"],
  ["a\u202eb\u200bc\u0007d", "abc-d"],
  [`z${"\u0300".repeat(50)}algo`, "z\u0300\u0300\u0300algo"],
  ["../..//@{-1}.lock", "1-lock"],
  ["", "task"],
  ["\u202e…", "task"],
])("%j becomes %s", (text, slug) => expect(slugify(text)).toBe(slug));

test("whatever a goal is, git takes the branch", () => {
  const names = fc.sample(fc.string({ unit: "binary", maxLength: 200 }), 200).map(slugify);
  for (const name of names) {
    expect(isPlainName(`deputy/${name}-2`)).toBe(true);
    expect([...name].length).toBeLessThanOrEqual(48);
    expect(name).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}]/u);
  }
  const argv = (name: string) => ["check-ref-format", `refs/heads/deputy/${name}`];
  for (const name of names.slice(0, 10)) expect(spawnSync("git", argv(name)).status).toBe(0);
});
