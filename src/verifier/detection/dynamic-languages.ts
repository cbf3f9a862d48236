import { asRecord, type Detector, firstOf, parseObject } from "./found.ts";

/** Ruby, PHP and Elixir. */
export const detectRuby: Detector = async ({ files, read }) => {
  if (!files.has("Gemfile")) return null;
  const isLocked = files.has("Gemfile.lock");
  const text = `${await read("Gemfile")}\n${(await read("Gemfile.lock")) ?? ""}`;
  const hasSpecs = [...files].some((path) => /^spec\/(?:.*\/)?[^/]+_spec\.rb$/.test(path));
  const rakefile = (await read("Rakefile")) ?? "";
  const hasTests = [...files].some((path) =>
    /^test\/(?:.*\/)?(?:[^/]+_test|test_[^/]+)\.rb$/.test(path),
  );
  const usesRspec = files.has(".rspec") || (hasSpecs && /\brspec\b/.test(text));
  const checks = usesRspec
    ? ["bundle exec rspec"]
    : files.has("bin/rails") && hasTests
      ? ["bundle exec rails test"]
      : /\bTestTask\b/.test(rakefile)
        ? ["bundle exec rake test"]
        : [];
  return {
    setup: [isLocked ? "BUNDLE_FROZEN=true bundle install" : "bundle install"],
    ...{ checks, by: isLocked ? "Gemfile.lock" : "Gemfile", notes: [] },
    programs: [{ name: "bundle", install: "`gem install bundler`" }],
  };
};

export const detectComposer: Detector = async ({ files, read }) => {
  if (!files.has("composer.json")) return null;
  const manifest = parseObject(await read("composer.json"));
  if (!manifest) return null;
  const packages = ["require", "require-dev"].flatMap((key) =>
    Object.keys(asRecord(manifest[key])),
  );
  const isLocked = files.has("composer.lock");
  // `php` and `ext-…` are the platform's.
  const needsInstall = isLocked || packages.some((name) => name.includes("/"));
  const hasTest = "test" in asRecord(manifest.scripts);
  const phpunit = packages.includes("phpunit/phpunit");
  const configured = firstOf(files, ["phpunit.xml", "phpunit.xml.dist", "phpunit.dist.xml"]);
  const checks = hasTest
    ? ["COMPOSER_PROCESS_TIMEOUT=0 composer test"] // its own limit is five minutes
    : phpunit && configured !== null
      ? ["vendor/bin/phpunit"]
      : [];
  return {
    setup: needsInstall ? ["composer install --no-interaction --no-progress"] : [],
    ...{ checks, by: isLocked ? "composer.lock" : "composer.json", notes: [] },
    programs: needsInstall || hasTest ? [{ name: "composer" }] : [{ name: "php" }],
  };
};

export const detectElixir: Detector = async ({ files }) => {
  if (!files.has("mix.exs")) return null;
  return {
    setup: [
      "mix local.hex --force --if-missing",
      "mix local.rebar --force --if-missing",
      "mix deps.get",
    ],
    ...{ checks: ["mix test"], by: "mix.exs", notes: [], programs: [{ name: "mix" }] },
  };
};
