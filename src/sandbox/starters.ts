import {
  canBeStarted,
  type StartedCommand,
  type StartedLimits,
  type StartedResult,
  type Starter,
  startStarter,
} from "./starter.ts";

/** As many starters (starter.ts) as there are commands at once, up to a limit; then commands wait for one. */
export type Starters = {
  /** Whether a command can be said to them. */
  canRun(command: StartedCommand): boolean;
  run(command: StartedCommand, limits: StartedLimits): Promise<StartedResult>;
};

/** `env` is the whole environment of a command that brings nothing. Who is idle for `idleMs` ends. */
export function makeStarters(options: {
  env: Readonly<Record<string, string>>;
  atMost: number;
  idleMs: number;
}): Starters {
  const { env, atMost, idleMs } = options;
  let running = 0;
  const waiting: (() => void)[] = [];
  /** The one that worked last works next, so that those that are too many become idle. */
  const free: { starter: Starter; idleTimer: NodeJS.Timeout }[] = [];

  const release = (starter: Starter) => {
    if (starter.isLost()) return;
    const idleTimer = setTimeout(() => {
      free.splice(free.indexOf(entry), 1);
      starter.end();
    }, idleMs);
    const entry = { starter, idleTimer: idleTimer.unref() };
    free.push(entry);
  };
  const take = (): Starter => {
    for (let entry = free.pop(); entry; entry = free.pop()) {
      clearTimeout(entry.idleTimer);
      if (!entry.starter.isLost()) return entry.starter;
    }
    return startStarter(env);
  };

  return {
    canRun: (command) => canBeStarted(command, env),
    async run(command, limits) {
      if (running >= atMost) await new Promise<void>((resolve) => waiting.push(resolve));
      else running++;
      try {
        const starter = take();
        try {
          return await starter.run(command, limits); // refuses what was aborted while it waited
        } finally {
          release(starter);
        }
      } finally {
        const next = waiting.shift();
        if (next) next();
        else running--;
      }
    },
  };
}
