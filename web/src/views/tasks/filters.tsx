import { useEffect, useRef, useState } from "preact/hooks";
import type { Repository } from "../../data/repository.ts";
import { setQuery } from "../../data/router.tsx";
import { useResource } from "../../data/use-resource.ts";
import { type Filter, sorts, stateChoices } from "./task-list.ts";

/** What is shown, and in which order: all of it is in the address. */
export function Filters({ filter }: { filter: Filter }) {
  const { data } = useResource<Repository[]>("/v1/repositories");
  const repositories = data ?? [];
  const isKnown = repositories.some(({ path_or_url }) => path_or_url === filter.repository);
  return (
    // biome-ignore lint/a11y/useSemanticElements: <search> is too new for browsers that are in use
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <Search q={filter.q} />
      <label>
        <span class="unseen">State</span>
        <select
          value={filter.state}
          onChange={(event) => setQuery({ state: event.currentTarget.value })}
        >
          {Object.entries({
            ...stateChoices,
            ...(filter.state in stateChoices ? {} : { [filter.state]: filter.state }),
          }).map(([value, words]) => (
            <option key={value} value={value}>
              {words}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span class="unseen">Repository</span>
        <select
          value={filter.repository}
          onChange={(event) => setQuery({ repository: event.currentTarget.value })}
        >
          <option value="">Any repository</option>
          {filter.repository !== "" && !isKnown && (
            <option value={filter.repository}>{filter.repository}</option>
          )}
          {repositories.map(({ name, path_or_url }) => (
            <option key={path_or_url} value={path_or_url}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span class="unseen">Order</span>
        <select
          value={filter.sort}
          onChange={({ currentTarget: { value } }) =>
            setQuery({ sort: value === "new" ? null : value })
          }
        >
          {Object.entries(sorts).map(([value, words]) => (
            <option key={value} value={value}>
              {words}
            </option>
          ))}
        </select>
      </label>
    </form>
  );
}

/** Asks once nothing was typed for a moment. */
function Search({ q }: { q: string }) {
  const [text, setText] = useState(q);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const asked = useRef(q);
  useEffect(() => {
    // It follows an address that another one set; more may have been typed since its own.
    if (q === asked.current) return;
    asked.current = q;
    clearTimeout(timer.current);
    setText(q);
  }, [q]);
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <label class="search">
      <span class="unseen">Search</span>
      <input
        type="search"
        value={text}
        maxLength={200}
        placeholder="Search in title, goal and id"
        onInput={({ currentTarget: { value } }) => {
          setText(value);
          clearTimeout(timer.current);
          timer.current = setTimeout(() => {
            asked.current = value;
            setQuery({ q: value });
          }, 250);
        }}
      />
    </label>
  );
}
