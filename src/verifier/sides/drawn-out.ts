import type { EditContext } from "./tests/alike.ts";
import type { Rest, TestFile } from "./tests/read-test-file.ts";

/** Whether a helper is now in another test file of the change, word for word. */
export function isDrawnOut({ name, says }: Rest, now: TestFile, context: EditContext): boolean {
  const plain = (texts: readonly string[]) =>
    texts.filter((text) => !/^(export|default|⏎|;|\n0)$/.test(text)).join(" ");
  return (
    name !== "" &&
    !now.rest.some((rest) => rest.name === name) &&
    context.now.some(
      (file) =>
        file.path !== now.path &&
        file.rest.some((rest) => rest.name === name && plain(rest.says) === plain(says)),
    )
  );
}
