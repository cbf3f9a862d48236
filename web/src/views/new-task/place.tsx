import { useLayoutEffect } from "preact/hooks";
import type { z } from "zod";
import type { agentsWire } from "../../../../src/api/daemon.ts";
import type { Repository } from "../../data/repository.ts";
import { useResource } from "../../data/use-resource.ts";
import { Field, SelectOrText, TextField } from "../../parts/field.tsx";
import { OutsideText } from "../../parts/outside-text.tsx";
import type { Fields } from "./fields.ts";

export type PartProps = {
  fields: Fields;
  set: (changes: Partial<Fields>) => void;
  problemOf: (field: keyof Fields) => string | null;
};

/** Where the work is done, by whom, and what must be green at the end. */
export function Place({ fields, set, problemOf }: PartProps) {
  const { data, problem } = useResource<Repository[]>("/v1/repositories");
  const agents = useResource<z.infer<typeof agentsWire>>("/v1/agents").data?.agents ?? [];
  const repositories = data ?? [];
  const known = repositories.find(({ path_or_url }) => path_or_url === fields.repository);
  const latest = repositories[0]?.path_or_url;
  // Before it is drawn: an empty field would be one to type in, and become a list under the cursor.
  useLayoutEffect(() => {
    if (latest !== undefined && fields.repository === "") set({ repository: latest });
    // Once: an empty field afterwards is for another one to be typed.
  }, [latest]);
  const standard = agents.find(({ is_default }) => is_default)?.name;
  if (data === null && problem === null) return <div class="skeleton-line place-waits" />;
  return (
    <>
      <div class="field-row">
        <SelectOrText
          label="Repository"
          value={fields.repository}
          set={(repository) => set({ repository })}
          options={repositories.map(({ name, path_or_url }) => [
            path_or_url,
            name === path_or_url ? name : `${name} (${path_or_url})`,
          ])}
          other="A path on Deputy's machine, or a URL"
          problem={problemOf("repository")}
        />
        <TextField
          label="Base"
          value={fields.base}
          set={(base) => set({ base })}
          placeholder={known?.default_branch ?? "the repository's branch"}
          autocapitalize="off"
          problem={problemOf("base")}
          hint="Branch, tag or commit that the work starts from."
        />
      </div>
      <Field
        label="Checks"
        problem={problemOf("checks")}
        hint={known ? <Detected repository={known} /> : "Empty: those of the repository."}
      >
        {(own) => (
          <textarea
            {...own}
            class="code"
            rows={2}
            value={fields.checks}
            placeholder="One command a line, in place of the repository's own"
            spellcheck={false}
            onInput={({ currentTarget }) => set({ checks: currentTarget.value })}
          />
        )}
      </Field>
      <SelectOrText
        label="Agent"
        value={fields.agent}
        set={(agent) => set({ agent })}
        options={[
          ["", known?.agent || standard ? `Default (${known?.agent || standard})` : "Default"],
          ...agents.map(
            ({ name, usable }) => [name, usable ? name : `${name}: cannot work now`] as const,
          ),
        ]}
        other="command:… or acp:…"
        problem={problemOf("agent")}
        hint={agents.find(({ name, usable }) => name === fields.agent && !usable)?.detail}
      />
    </>
  );
}

function Detected({ repository: { checks, setup } }: { repository: Repository }) {
  if (checks === null) return <>Empty: those of the repository, which no task has used yet.</>;
  if (checks.length === 0) return <>The repository has none that Deputy knows of.</>;
  return (
    <>
      The repository's:{" "}
      {checks.map(({ command, name, source }, index) => (
        <span key={name}>
          {index > 0 && ", "}
          <code>
            <OutsideText text={command} />
          </code>{" "}
          ({source})
        </span>
      ))}
      {setup && setup.length > 0 && (
        <>
          {", after "}
          <code>
            <OutsideText text={setup.join("; ")} />
          </code>
        </>
      )}
    </>
  );
}
