import { z } from "zod";
import { toCamelCase, toSnakeCase } from "../core/text/letter-case.ts";

/**
 * From internal names (camelCase, Date) to wire names (snake_case, ISO 8601). The schema decides
 * which fields leave the daemon, and the compiler checks that the value has them.
 */
export const time = z.iso.datetime();

type Camel<Name> = Name extends `${infer First}_${infer Rest}`
  ? `${First}${Capitalize<Camel<Rest>>}`
  : Name;

/** The value that a wire object is made from: the same fields in internal names, and more. */
type Internal<Wire> = Wire extends string
  ? Wire | Date
  : Wire extends readonly (infer Item)[]
    ? readonly Internal<Item>[]
    : Wire extends object
      ? string extends keyof Wire
        ? Wire
        : { [Name in keyof Wire as Camel<Name>]: Internal<Wire[Name]> }
      : Wire;

/** Returns the fields of `value` that the schema names, in wire names. Records stay as they are. */
export function toWire<Schema extends z.ZodType>(
  schema: Schema,
  value: Internal<z.infer<Schema>>,
): z.infer<Schema> {
  return project(schema, value) as z.infer<Schema>;
}

function project(schema: z.core.$ZodType, value: unknown): unknown {
  if (value instanceof Date) return value.toISOString();
  if (value === null || typeof value !== "object") return value;
  // Not `instanceof`: zod overrides it, and a task is created with this conversion.
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case "nullable":
      return project(def.innerType, value);
    case "array":
      return (value as unknown[]).map((item) => project(def.element, item));
    case "union":
      return project(chooseOption(def.options, value as Record<string, unknown>), value);
    case "object":
      return projectFields(def.shape, value as Record<string, unknown>);
    default:
      return value;
  }
}

function projectFields(shape: z.core.$ZodShape, value: Record<string, unknown>) {
  const wire: Record<string, unknown> = {};
  for (const name in shape) {
    const inner = value[toCamelCase(name)];
    if (inner !== undefined) wire[name] = project(shape[name] as z.core.$ZodType, inner);
  }
  return wire;
}

/** The option of a union whose literals (`kind`, `action`) are the value's. */
function chooseOption(
  options: readonly z.core.$ZodType[],
  value: Record<string, unknown>,
): z.core.$ZodType {
  const isOption = (option: z.core.$ZodType) =>
    option instanceof z.ZodObject &&
    Object.entries(option.shape).every(
      ([name, field]) => !(field instanceof z.ZodLiteral) || field.value === value[name],
    );
  return options.find(isOption) ?? z.never();
}

/** The fields of a wire object in internal names; their values stay as they are. */
export function fromWire<Wire extends object>(
  wire: Wire,
): { [Name in keyof Wire as Camel<Name>]: Wire[Name] } {
  return Object.fromEntries(
    Object.entries(wire).map(([name, value]) => [toCamelCase(name), value]),
  ) as ReturnType<typeof fromWire<Wire>>;
}

/** Keys below these are not ours: test names, check names, user input. */
const othersKeys = new Set(["tests", "runs", "payload", "env"]);

/** Data without a fixed shape, with all its keys in wire names. */
export function snakeKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeKeys);
  if (value === null || typeof value !== "object" || value instanceof Date) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      /^[a-z][A-Za-z0-9]*$/.test(key) ? toSnakeCase(key) : key,
      othersKeys.has(key) ? inner : snakeKeys(inner),
    ]),
  );
}
