import { z } from "zod";

/**
 * The schemas that the OpenAPI document names. A registry of our own instead of zod's global one:
 * what is in the document is decided here and nowhere else.
 */
export const schemaRegistry = z.registry<{
  id: string;
  description?: string;
  examples?: unknown[];
}>();

/** Give a schema its name in the OpenAPI document. */
export function named<Schema extends z.ZodType>(
  id: string,
  schema: Schema,
  meta: { description?: string; examples?: z.input<Schema>[] } = {},
): Schema {
  schemaRegistry.add(schema, { id, ...meta });
  return schema;
}
