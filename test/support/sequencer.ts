import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * Files that start daemons take longest and wait most: they go first, so that the many short ones
 * fill what they leave, and no long one runs alone at the end.
 */
export class LongOnesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification) => moduleId.includes("/test/e2e/");
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}
