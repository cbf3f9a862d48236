import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";

/**
 * A field with its label, a hint, and what is wrong with it: beside it, said by a screen reader, and
 * in focus once it is there.
 */
export type FieldProps = {
  label: string;
  hint?: ComponentChildren;
  problem?: string | null | undefined;
};

type Described = {
  id: string;
  "aria-describedby"?: string | undefined;
  "aria-invalid"?: boolean | undefined;
};

export function Field({
  label,
  hint,
  problem = null,
  children,
}: FieldProps & { children: (own: Described) => ComponentChildren }) {
  const id = useId();
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (problem !== null)
      place.current?.querySelector<HTMLElement>("input, select, textarea")?.focus();
  }, [problem]);
  const notes = [...(hint ? [`${id}-hint`] : []), ...(problem === null ? [] : [`${id}-problem`])];
  return (
    <div class="field" ref={place}>
      <label for={id}>{label}</label>
      {children({
        id,
        ...(notes.length > 0 && { "aria-describedby": notes.join(" ") }),
        ...(problem !== null && { "aria-invalid": true }),
      })}
      {problem !== null && (
        <p class="problem" id={`${id}-problem`} role="alert">
          {problem}
        </p>
      )}
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

type Value = { value: string; set: (value: string) => void };

export function TextField({
  value,
  set,
  label,
  hint,
  problem,
  ...rest
}: FieldProps &
  Value & {
    placeholder?: string;
    inputMode?: "decimal" | "numeric" | "text";
    autocapitalize?: "off";
    maxLength?: number;
  }) {
  return (
    <Field label={label} hint={hint} problem={problem}>
      {(own) => (
        <input
          {...rest}
          {...own}
          value={value}
          onInput={({ currentTarget }) => set(currentTarget.value)}
        />
      )}
    </Field>
  );
}

export function SelectField({
  value,
  set,
  options,
  ...field
}: FieldProps & Value & { options: readonly (readonly [value: string, words: string])[] }) {
  return (
    <Field {...field}>
      {(own) => (
        <select {...own} value={value} onChange={({ currentTarget }) => set(currentTarget.value)}>
          {options.map(([option, words]) => (
            <option key={option} value={option}>
              {words}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

export function Tick({
  label,
  checked,
  set,
}: {
  label: string;
  checked: boolean;
  set: (checked: boolean) => void;
}) {
  return (
    <label class="tick">
      <input
        type="checkbox"
        checked={checked}
        onChange={({ currentTarget }) => set(currentTarget.checked)}
      />
      <span>{label}</span>
    </label>
  );
}

/**
 * One of some known values, or another that is typed. It is open for typing while its text is none of
 * those, or is what was just typed there: a value that comes from elsewhere is shown as a choice.
 */
export function SelectOrText({
  value,
  set,
  options,
  other,
  ...field
}: FieldProps &
  Value & {
    options: readonly (readonly [value: string, words: string])[];
    /** Of the choice to type something else. */
    other: string;
  }) {
  const [typed, setTyped] = useState<string | null>(null);
  const isKnown = options.some(([option]) => option === value);
  const isTyping = options.length === 0 || !isKnown || typed === value;
  const choose = (next: string) => {
    setTyped(next === "\0" ? "" : null);
    set(next === "\0" ? "" : next);
  };
  const type = (text: string) => {
    setTyped(text);
    set(text);
  };
  return (
    <Field {...field}>
      {(own) => (
        <>
          {options.length > 0 && (
            <select
              {...(isTyping ? { "aria-label": `${field.label}: choose` } : own)}
              value={isTyping ? "\0" : value}
              onChange={({ currentTarget }) => choose(currentTarget.value)}
            >
              {options.map(([option, words]) => (
                <option key={option} value={option}>
                  {words}
                </option>
              ))}
              <option value={"\0"}>{other}</option>
            </select>
          )}
          {isTyping && (
            <input
              {...own}
              value={value}
              placeholder={other}
              autocapitalize="off"
              spellcheck={false}
              onInput={({ currentTarget }) => type(currentTarget.value)}
            />
          )}
        </>
      )}
    </Field>
  );
}
