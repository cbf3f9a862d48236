/** Files of which only a part decides how checks run, and which often change for honest reasons. */
export function isPartial(path: string): boolean {
  return /(^|\/)(package\.json|pyproject\.toml|setup\.cfg|Cargo\.toml|go\.mod|CMakeLists\.txt|pom\.xml|build\.gradle(\.kts)?|Gemfile|composer\.json|meson\.build)$/.test(
    path,
  );
}
