import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { demoFiles } from "./demo-files.ts";

/**
 * A real repository for the demo, generated on the spot: a small project with its own tests, one of
 * which fails because of a real bug. The caller makes it a git repository, through `commit`.
 */
export type DemoRepository = {
  folder: string;
  /** The goal, as a person would write it. */
  goal: string;
  /** The check that has to become green. */
  check: string;
  /** The test that is red on the base. */
  failingTest: string;
};

/** Write the project into `folder`, created if necessary, and commit it. */
export async function makeDemoRepository(
  folder: string,
  commit: (folder: string, message: string) => Promise<void>,
): Promise<DemoRepository> {
  for (const [path, text] of Object.entries(demoFiles)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  await commit(folder, "Invoices, instalments and due dates");
  return {
    folder,
    goal: "Fix the red test: instalments of an invoice from the 31st get wrong due dates",
    check: "npm test",
    failingTest: "instalments of an invoice from the 31st fall on the last day of shorter months",
  };
}
