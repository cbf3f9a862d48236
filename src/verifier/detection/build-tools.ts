import { type Detector, type Found, firstOf, type RepositoryFiles } from "./found.ts";

/**
 * Languages whose build tool fetches what it needs while it builds. Checks have no network, so setup
 * fetches it ahead, where there is something to fetch.
 */
export const detectBuildTools: Detector = async (repository) => {
  for (const detect of [detectCargo, detectGo, detectMaven, detectGradle, detectDotnet]) {
    const found = await detect(repository);
    if (found) return found;
  }
  return null;
};

const detectCargo: Detector = async ({ files, read }) => {
  if (!files.has("Cargo.toml")) return null;
  const manifest = (await read("Cargo.toml")) ?? "";
  const lock = await read("Cargo.lock");
  const isNeeded =
    lock === null
      ? /^\[(?:[\w.'"()= -]+\.)?(?:dev-|build-)?dependencies[\].]|^\[workspace[\].]/m.test(manifest)
      : /^source = /m.test(lock);
  return {
    ...make("cargo", lock === null ? "Cargo.toml" : "Cargo.lock"),
    setup: isNeeded ? [`cargo fetch${lock === null ? "" : " --locked"}`] : [],
    checks: ["cargo test"],
  };
};

const detectGo: Detector = async ({ files, read }) => {
  if (!files.has("go.mod")) {
    if (!files.has("go.work")) return null;
    const notes = [
      "go.work has no module in the root, so no check was detected: name the commands under `setup` and `checks` in .deputy/config.yaml, such as `go test -json ./app/...`.",
    ];
    return { ...make("go", "go.work"), setup: ["go mod download"], notes };
  }
  const needsDownload =
    ((await read("go.sum")) ?? "").trim() !== "" && !files.has("vendor/modules.txt");
  return {
    ...make("go", "go.mod"),
    setup: needsDownload ? ["go mod download"] : [],
    checks: ["go test -json ./..."],
  };
};

const detectMaven: Detector = async ({ files }) => {
  if (!files.has("pom.xml")) return null;
  const isWrapped = files.has("mvnw");
  const maven = isWrapped ? "./mvnw" : "mvn";
  return {
    ...make(isWrapped ? null : "mvn", "pom.xml"),
    // Without a test to run it fetches what `dependency:go-offline` leaves out, the runner's parts.
    setup: [
      `${maven} -B -q test -Dtest=NoTestOfThisName -DfailIfNoTests=false -Dsurefire.failIfNoSpecifiedTests=false`,
    ],
    checks: [`${maven} -B -o test`],
  };
};

const detectGradle: Detector = async ({ files, read }) => {
  const names = ["build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts"];
  const by = firstOf(files, names);
  if (by === null) return null;
  const isWrapped = files.has("gradlew");
  const gradle = `${isWrapped ? "./gradlew" : "gradle"} --no-daemon`;
  const wrapper = (await read("gradle/wrapper/gradle-wrapper.properties")) ?? "";
  const [, major, minor] = /gradle-(\d+)\.(\d+)/.exec(wrapper) ?? [];
  const version = Number(major ?? 0) * 100 + Number(minor ?? 0);
  return {
    ...make(isWrapped ? null : "gradle", by),
    // Since 8.3 tests can be run dry, which fetches what only their run needs.
    setup: [version >= 803 ? `${gradle} test --test-dry-run` : `${gradle} testClasses`],
    checks: [`${gradle} --offline test`],
  };
};

const detectDotnet: Detector = async ({ files }) => {
  const solutions = [...files].filter((path) => /^[^/]+\.slnx?$/.test(path));
  const projects = [...files].filter((path) => /^[^/]+\.(?:cs|fs|vb)proj$/.test(path));
  const choices = solutions.length > 0 ? solutions : projects;
  const [by] = choices;
  if (by === undefined) return null;
  if (choices.length > 1) {
    const notes = [
      `The root has several solutions or projects (${choices.slice(0, 3).join(", ")}), so no check was detected: name the commands under \`setup\` and \`checks\` in .deputy/config.yaml.`,
    ];
    return { ...make("dotnet", by), notes };
  }
  const isLocked = [...files].some((path) => /(?:^|\/)packages\.lock\.json$/.test(path));
  return {
    ...make("dotnet", by),
    setup: [`dotnet restore${isLocked ? " --locked-mode" : ""}`],
    checks: ["dotnet test --no-restore"],
  };
};

export async function detectMake({ files, read }: RepositoryFiles): Promise<Found | null> {
  const name = firstOf(files, ["Makefile", "makefile", "GNUmakefile"]);
  const text = name === null ? null : await read(name);
  if (name === null || text === null || !/^test\s*:(?!=)/m.test(text)) return null;
  return { ...make("make", name), checks: ["make test"] };
}

/** Without a program: one that is in the repository. */
function make(program: string | null, by: string): Found {
  const programs = program === null ? [] : [{ name: program }];
  return { setup: [], checks: [], by, programs, notes: [] };
}
