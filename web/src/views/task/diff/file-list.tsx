import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { OutsideText } from "../../../parts/outside-text.tsx";
import { showHidden } from "../../../parts/show-hidden.ts";
import { Counts } from "./file-diff.tsx";
import type { ChangedFile } from "./wire.ts";

/** The files of the change, beside it: only the rows near its window are drawn. */
const rowHeight = 30;

export function FileList({
  files,
  go,
}: {
  files: readonly ChangedFile[];
  go: (file: ChangedFile) => void;
}) {
  const list = useRef<HTMLDivElement>(null);
  const [seen, setSeen] = useState({ top: 0, height: 600 });
  const look = () => {
    const element = list.current;
    if (element) setSeen({ top: element.scrollTop, height: element.clientHeight });
  };
  useLayoutEffect(look, []);
  const first = Math.max(0, Math.floor(seen.top / rowHeight) - 10);
  const last = Math.ceil((seen.top + seen.height) / rowHeight) + 10;
  const shown = files.slice(first, last);
  return (
    <nav class="file-list" aria-label="Changed files">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it */}
      <div class="file-rows" ref={list} onScroll={look} tabIndex={0}>
        <ul style={{ height: `${files.length * rowHeight}px` }}>
          {shown.map((file, index) => (
            <li
              key={file.path}
              style={{ top: `${(first + index) * rowHeight}px`, height: `${rowHeight}px` }}
              aria-setsize={files.length}
              aria-posinset={first + index + 1}
            >
              <button
                type="button"
                class="file-link"
                title={showHidden(file.path)}
                onClick={() => go(file)}
              >
                <span class="file-name">
                  <OutsideText text={file.path} />
                </span>
                <Counts added={file.added} removed={file.removed} />
              </button>
            </li>
          ))}
        </ul>
      </div>
    </nav>
  );
}
