import { readFileSync } from "node:fs";
import { Ajv, type ValidateFunction } from "ajv";

/**
 * GitHub's own description of its API (see scripts/github-contract.mjs), as a judge of requests: a
 * stand-in knows only what somebody thought of, and takes what GitHub would refuse.
 */
type Operation = {
  operation: string;
  query: { name: string; required?: boolean; schema: object }[];
  body?: object;
  bodyRequired?: boolean;
};
type Compiled = { pattern: RegExp; method: string; fixed: number; operation: Operation };

export type GithubContract = {
  /** What GitHub's description says against the request; null: nothing. `path` has its query. */
  findBreach(request: { method: string; path: string; body: string }): string | null;
};

export function loadGithubContract(): GithubContract {
  const file = new URL("./github-contract.json", import.meta.url);
  const { operations } = JSON.parse(readFileSync(file, "utf8")) as { operations: Operation[] };
  const compiled = operations.map(compile).toSorted((a, b) => b.fixed - a.fixed);
  // OpenAPI 3.0 has formats and keywords of its own, which say nothing against a request.
  const ajv = new Ajv({ strict: false, validateFormats: false, coerceTypes: false, logger: false });
  const validators = new Map<object, ValidateFunction>();
  const validate = (schema: object, value: unknown): string | null => {
    const check = validators.get(schema) ?? ajv.compile(schema);
    validators.set(schema, check);
    return check(value) ? null : ajv.errorsText(check.errors);
  };
  return {
    findBreach({ method, path, body }) {
      const { pathname, searchParams } = new URL(path, "http://github.test");
      const found = compiled.find((one) => one.method === method && one.pattern.test(pathname));
      const name = `${method} ${pathname}`;
      if (!found) return `${name} is no operation of GitHub's that the contract has`;
      const { operation } = found;
      for (const [parameter, text] of searchParams) {
        const known = operation.query.find((one) => one.name === parameter);
        if (!known) return `${name} has no parameter ${parameter}`;
        const problem = validate(known.schema, fromQuery(known.schema, text));
        if (problem) return `${name}?${parameter}=${text}: ${problem}`;
      }
      const missing = operation.query.find((one) => one.required && !searchParams.has(one.name));
      if (missing) return `${name} lacks the parameter ${missing.name}`;
      if (body === "") return operation.bodyRequired ? `${name} lacks its body` : null;
      if (!operation.body) return `${name} takes no body`;
      const sent: unknown = JSON.parse(body);
      const unknown = findUnknownField(operation.body, sent);
      if (unknown) return `${name} has no field ${unknown}`;
      const problem = validate(operation.body, sent);
      return problem && `${name}: ${problem}`;
    },
  };
}

/** A more specific path has more parts that are not parameters, and is tried first. */
function compile(operation: Operation): Compiled {
  const [method = "", path = ""] = operation.operation.split(" ");
  const parts = path.split("/").map((part) => (part.startsWith("{") ? null : part));
  const pattern = parts.map((part) => part?.replaceAll(".", "\\.") ?? "[^/]+").join("/");
  const fixed = parts.filter((part) => part !== null).length;
  return { pattern: new RegExp(`^${pattern}$`), method, fixed, operation };
}

function fromQuery(schema: object, text: string): unknown {
  const { type } = schema as { type?: string };
  if (type === "integer" || type === "number") return Number(text);
  return type === "boolean" ? text === "true" : text;
}

/** GitHub ignores what it does not know, so a misspelt field would go unseen. */
function findUnknownField(schema: object, value: unknown): string | null {
  const { properties, items, additionalProperties, oneOf, anyOf } = schema as {
    properties?: Record<string, object>;
    items?: object;
    additionalProperties?: unknown;
    oneOf?: object[];
    anyOf?: object[];
  };
  if (oneOf || anyOf || additionalProperties === true) return null; // the validator decides
  if (Array.isArray(value))
    return items
      ? (value.map((one) => findUnknownField(items, one)).find((name) => name) ?? null)
      : null;
  if (typeof value !== "object" || value === null || !properties) return null;
  for (const [name, part] of Object.entries(value)) {
    const known = properties[name];
    if (!known) return name;
    const inside = findUnknownField(known, part);
    if (inside) return `${name}.${inside}`;
  }
  return null;
}
