import { useState } from "preact/hooks";
import { orNull, readStored, store } from "../../data/use-draft.ts";
import { type Fields, noFields } from "./fields.ts";

/** Forms that somebody kept, on this device alone. */
export type Template = { name: string; fields: Fields };

const place = "deputy:templates";

export function useTemplates() {
  const storage = orNull(() => localStorage);
  const [templates, setTemplates] = useState<Template[]>(() => readTemplates(storage));
  const put = (next: Template[]) => {
    setTemplates(next);
    store(storage, place, next);
  };
  return {
    templates,
    /** One of the same name is replaced. */
    save: (name: string, fields: Fields) =>
      put(
        [...templates.filter((one) => one.name !== name), { name, fields }].toSorted((a, b) =>
          a.name.localeCompare(b.name),
        ),
      ),
    remove: (name: string) => put(templates.filter((one) => one.name !== name)),
  };
}

/** A page of another version may have written them: what is missing is as in an empty form. */
function readTemplates(storage: Storage | null): Template[] {
  const stored: unknown = readStored(storage, place);
  if (!Array.isArray(stored)) return [];
  return stored.flatMap((one: Partial<Template> | null) =>
    typeof one?.name === "string"
      ? [{ name: one.name, fields: { ...noFields, ...one.fields } }]
      : [],
  );
}
