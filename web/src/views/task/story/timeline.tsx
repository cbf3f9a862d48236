import { go } from "../../../data/router.tsx";
import { showHidden } from "../../../parts/show-hidden.ts";
import { State } from "../../../parts/state.tsx";
import { formatDuration } from "../../../parts/words.ts";
import type { Bar, Lane, Timeline } from "./lay-out-timeline.ts";

/** The timelines as pictures, one for each subtask; each bar is a link to what it stands for. */
const rowHeight = 22;

export function Timelines({ timeline }: { timeline: Timeline }) {
  return (
    <div class="timelines">
      {timeline.lanes.map((lane) => (
        <LanePicture key={lane.id} lane={lane} timeline={timeline} />
      ))}
    </div>
  );
}

function LanePicture({ lane, timeline }: { lane: Lane; timeline: Timeline }) {
  const { scale, width } = timeline;
  const title = showHidden(lane.title);
  const height = Math.max(1, lane.rows.length) * rowHeight;
  return (
    <section class="lane" aria-label={`Timeline of ${title}`}>
      <h2>
        <span>{title}</span> <State state={lane.state} />
      </h2>
      {lane.bars.length === 0 ? (
        <p class="soft">Nothing of it has run yet.</p>
      ) : (
        <div class="lane-picture" style={{ "--row": `${rowHeight}px` }}>
          <div class="lane-rows" aria-hidden="true">
            {lane.rows.map((row) => (
              <span key={row}>{row}</span>
            ))}
          </div>
          {/* biome-ignore lint/a11y/useSemanticElements: an svg cannot be a fieldset */}
          <svg
            role="group"
            aria-label={`${lane.bars.length} steps of ${title}`}
            viewBox={`0 0 ${width} ${height}`}
            preserveAspectRatio="none"
            height={height}
          >
            {scale.breaks.map(({ x, ms }) => (
              <g key={x} class="break">
                <line x1={x} x2={x} y1={0} y2={height} />
                <title>{`${formatDuration(ms)} in which nothing happened`}</title>
              </g>
            ))}
            {lane.bars.map((bar) => (
              <BarPicture
                key={`${bar.row} ${bar.x} ${bar.label}`}
                bar={bar}
                y={lane.rows.indexOf(bar.row) * rowHeight}
              />
            ))}
          </svg>
          <div class="lane-words" aria-hidden="true">
            {lane.bars.map((bar) => (
              <span
                key={`${bar.row} ${bar.x} ${bar.label}`}
                style={{
                  left: `${(bar.x / width) * 100}%`,
                  top: `${lane.rows.indexOf(bar.row) * rowHeight}px`,
                  width: `${(bar.width / width) * 100}%`,
                }}
              >
                {showHidden(bar.text)}
              </span>
            ))}
          </div>
          <div class="lane-ticks" aria-hidden="true">
            {scale.ticks.map(({ time, x }, index) => (
              <span
                key={time}
                class={index === scale.ticks.length - 1 ? "last" : ""}
                style={{ left: `${(x / width) * 100}%` }}
              >
                {new Date(time).toLocaleTimeString()}
              </span>
            ))}
          </div>
        </div>
      )}
    </section>
  );
}

function BarPicture({ bar, y }: { bar: Bar; y: number }) {
  const label = showHidden(bar.label);
  const picture = (
    <>
      <title>{label}</title>
      <rect x={bar.x} y={y + 3} width={bar.width} height={rowHeight - 6} rx="3" />
      <path class="mark" d={markOf(bar, y)} />
    </>
  );
  const { href } = bar;
  if (href === null)
    return (
      // biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: a group of an svg acts on nothing
      <g class={`bar ${bar.tone}`} role="img" aria-label={label}>
        {picture}
      </g>
    );
  return (
    <a
      class={`bar ${bar.tone}`}
      href={href}
      aria-label={label}
      onClick={(event: MouseEvent) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey) return;
        event.preventDefault();
        go(href);
      }}
    >
      {picture}
    </a>
  );
}

/** A shape beside the colour: a notch at the end of what failed, a dot in what asks. */
function markOf({ tone, x, width }: Bar, y: number): string {
  const right = x + width;
  const middle = y + rowHeight / 2;
  if (tone === "bad")
    return `M${right - 5},${y + 3} l5,${rowHeight - 6} M${right},${y + 3} l-5,${rowHeight - 6}`;
  if (tone === "ask") return `M${x},${middle} h${width}`;
  return "";
}
