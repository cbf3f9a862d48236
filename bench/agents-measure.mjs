import { readdirSync, readFileSync } from "node:fs";

/** What processes use, from /proc: nobody is asked about himself. */

/** CPU seconds of a process and of everything that it started and waited for. */
export function cpuOf(pid) {
  const fields = statOf(pid);
  return fields ? fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / 100 : 0;
}

/** The same of a tree of processes, those that are still alive each for itself. */
export function cpuOfTree(root) {
  return treeOf(root).reduce((sum, pid) => sum + cpuOf(pid), 0);
}

/** Looks at the tree every 40 ms until it is stopped; the most memory that it had at once, in MB. */
export function watchMemory(root, key = "Rss") {
  let peakMb = 0;
  const look = () => {
    peakMb = Math.max(peakMb, memoryOf(root, key));
  };
  look();
  const timer = setInterval(look, 40);
  return () => {
    clearInterval(timer);
    return peakMb;
  };
}

/** `Pss` shares what is shared, as a database's processes share their buffers; `Rss` counts it each time. */
export function memoryOf(root, key = "Rss") {
  let kb = 0;
  for (const pid of treeOf(root)) {
    try {
      const text =
        key === "Rss"
          ? readFileSync(`/proc/${pid}/status`, "latin1")
          : readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
      kb += Number(
        new RegExp(`^(?:Vm)?${key.toUpperCase()}:\\s+(\\d+)`, "im").exec(text)?.[1] ?? 0,
      );
    } catch {
      // gone meanwhile
    }
  }
  return kb / 1024;
}

function treeOf(root) {
  const children = new Map();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = statOf(entry)?.[1];
    if (parent) children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const found = [root];
  for (const pid of found) found.push(...(children.get(String(pid)) ?? []));
  return found;
}

/** Behind the name, which may hold blanks: state, parent, … */
function statOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return null;
  }
}
