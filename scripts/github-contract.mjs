import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Writes test/support/github-contract.json: what GitHub's own API description (the npm package
 * @octokit/openapi) says of requests to the parts of the API that Deputy may call, without prose.
 * The package has 385 MB, so it is fetched here and is no dependency. Run with `node
 * scripts/github-contract.mjs` when a part is added below.
 */
const version = "23.0.2";
const parts = [
  /^\/(user|app|meta)$/,
  /^\/app\/(hook|installations)(\/|$)/,
  /^\/app-manifests\//,
  /^\/installation\/repositories$/,
  /^\/users\/\{username\}$/,
  /^\/repos\/\{owner\}\/\{repo\}$/,
  /^\/repos\/\{owner\}\/\{repo\}\/(issues|pulls|check-runs|check-suites|hooks|statuses|commits|collaborators|installation|labels)(\/|$)/,
  /^\/repos\/\{owner\}\/\{repo\}\/(actions\/(jobs|runs)|git\/ref|branches)(\/|s\/|$)/,
];
const target = join(import.meta.dirname, "../test/support/github-contract.json");

const folder = mkdtempSync(join(tmpdir(), "deputy-contract-"));
try {
  execFileSync("npm", ["pack", "--silent", `@octokit/openapi@${version}`], { cwd: folder });
  const file = "package/generated/api.github.com.deref.json";
  execFileSync("tar", ["-xzf", `octokit-openapi-${version}.tgz`, file], { cwd: folder });
  const { info, paths } = JSON.parse(readFileSync(join(folder, file), "utf8"));
  const operations = Object.entries(paths)
    .filter(([path]) => parts.some((part) => part.test(path)))
    .flatMap(([path, methods]) => Object.entries(methods).map(describe.bind(null, path)));
  writeFileSync(target, `${JSON.stringify({ version: info.version, operations })}\n`);
} finally {
  rmSync(folder, { recursive: true });
}

function describe(path, [method, { parameters = [], requestBody }]) {
  const body = requestBody?.content?.["application/json"]?.schema;
  return {
    operation: `${method.toUpperCase()} ${path}`,
    query: parameters
      .filter((parameter) => parameter.in === "query")
      .map(({ name, required, schema }) => ({ name, required, schema: withoutProse(schema) })),
    ...(body && { body: withoutProse(body), bodyRequired: requestBody.required === true }),
  };
}

function withoutProse(schema, isNames = false) {
  if (typeof schema !== "object" || schema === null) return schema;
  if (Array.isArray(schema)) return schema.map((part) => withoutProse(part));
  const prose = ["description", "example", "examples", "title", "deprecated", "default"];
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([name]) => isNames || !(prose.includes(name) || name.startsWith("x-")))
      .map(([name, value]) => [name, withoutProse(value, !isNames && name === "properties")]),
  );
}
