import { z } from "zod";

/**
 * An answer as a client reads it: a command line and a daemon of different versions must work
 * together. A newer daemon may send unknown fields, words and kinds; an older one may lack fields.
 */
export type Lenient<Schema extends z.ZodType> = Loose<z.infer<Schema>>;

type Loose<Wire> = Wire extends string
  ? string
  : Wire extends object
    ? { [Name in keyof Wire]: Loose<Wire[Name]> }
    : Wire;

/**
 * The schema for reading answers. Unknown fields are ignored, and a word of a closed list may be any
 * string. A missing field is null if it may be null, a missing list is empty, a missing boolean is
 * false; so a new string or number of an existing object has to be nullable. Of a union only the
 * fields that all options share are read.
 */
export function lenient<Schema extends z.ZodType>(schema: Schema): z.ZodType<Lenient<Schema>> {
  return loosen(schema) as z.ZodType<Lenient<Schema>>;
}

function loosen(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodNullable) return z.nullable(loosen(schema.unwrap())).default(null);
  if (schema instanceof z.ZodBoolean) return schema.default(false);
  if (schema instanceof z.ZodArray) {
    // Lazy, because a schema may contain itself.
    return z.array(z.lazy(() => loosen(schema.element))).default([]);
  }
  if (schema instanceof z.ZodUnion) {
    const [first = {}, ...others] = schema.options.map((option) => (option as z.ZodObject).shape);
    return loosenFields(
      Object.entries(first).filter(([name]) => others.every((shape) => name in shape)),
    );
  }
  if (schema instanceof z.ZodObject) return loosenFields(Object.entries(schema.shape));
  const isWord = ["string", "enum", "literal"].includes(schema._zod.def.type);
  return isWord ? z.string() : schema;
}

function loosenFields(fields: [string, z.core.$ZodType][]): z.core.$ZodType {
  return z.object(Object.fromEntries(fields.map(([name, field]) => [name, loosen(field)])));
}
