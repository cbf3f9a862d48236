import { useState } from "preact/hooks";
import { setQuery } from "../../data/router.tsx";
import { Menu } from "../../parts/menu.tsx";
import type { Fields } from "./fields.ts";
import { useTemplates } from "./templates.ts";

/** Takes a form that was kept, keeps this one, or forgets one. */
export function Templates({ fields, use }: { fields: Fields; use: (fields: Fields) => void }) {
  const { remove, save, templates } = useTemplates();
  const [name, setName] = useState("");
  return (
    <Menu label="Templates">
      <button type="button" class="button plain" onClick={() => setQuery({ again: "last" })}>
        Like the last task
      </button>
      {templates.map((template) => (
        <div key={template.name} class="template">
          <button type="button" class="button plain" onClick={() => use(template.fields)}>
            {template.name}
          </button>
          <button
            type="button"
            class="link"
            aria-label={`Forget ${template.name}`}
            onClick={() => remove(template.name)}
          >
            ×
          </button>
        </div>
      ))}
      <form
        class="template-save"
        onSubmit={(event) => {
          event.preventDefault();
          if (name.trim() === "") return;
          save(name.trim(), fields);
          setName("");
        }}
      >
        <label>
          <span class="unseen">Name of a new template</span>
          <input
            value={name}
            placeholder="Keep this form as…"
            maxLength={60}
            onInput={({ currentTarget }) => setName(currentTarget.value)}
          />
        </label>
        <button type="submit" class="button plain" disabled={name.trim() === ""}>
          Keep
        </button>
      </form>
      <p class="hint">Kept on this device alone.</p>
    </Menu>
  );
}
