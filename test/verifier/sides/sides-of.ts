import { findSides, type SidesInput } from "../../../src/verifier/sides/find-sides.ts";
import type { SidedFile, Sides } from "../../../src/verifier/sides/sides.ts";
import { type Files, TestRepository } from "../repository.ts";

/** The sides of a change, in a real repository that is made for it. */
export async function sidesOf(
  base: Files,
  change: Files,
  more: Partial<Omit<SidesInput, "mirror" | "baseCommit" | "commit">> = {},
): Promise<Sides & { of(path: string): SidedFile }> {
  const repository = await TestRepository.create();
  try {
    const baseCommit = await repository.commit(base);
    const commit = await repository.commit(change, baseCommit);
    const sides = await findSides({
      mirror: await repository.mirror(),
      baseCommit,
      commit,
      checks: ["npm test"],
      setup: [],
      protectedPaths: [".deputy/**", ".github/workflows/**"],
      testFiles: [],
      products: [],
      ...more,
    });
    const of = (path: string) => {
      const file = sides.files.find((each) => each.path === path);
      if (!file) throw new Error(`${path} is not among ${sides.files.map((each) => each.path)}`);
      return file;
    };
    return { ...sides, of };
  } finally {
    await repository.remove();
  }
}
