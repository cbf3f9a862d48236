import { z } from "zod";

/**
 * The named schemas of the OpenAPI document. A registry of our own instead of zod's global one, so
 * that only this code decides what is in the document.
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
