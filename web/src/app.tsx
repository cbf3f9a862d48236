import { type ComponentType, lazy, Suspense } from "preact/compat";
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ApiError, read } from "./data/api.ts";
import { type Live, openLive } from "./data/live.ts";
import { type Page, PageContext, type Session, usePage } from "./data/page-context.ts";
import { syncPush } from "./data/push.ts";
import { Link, usePlace } from "./data/router.tsx";
import { createStore, useStore } from "./data/store.ts";
import { Shell } from "./parts/shell.tsx";
import { Empty, Skeleton } from "./parts/shown.tsx";
import { type Toast, Toasts } from "./parts/toasts.tsx";
import { toSentence } from "./parts/words.ts";
import { Pair } from "./views/pair.tsx";

/** The page: signed out it asks for a code, signed in it shows one view by its address. */
const views: [pattern: RegExp, view: ComponentType<{ id?: string; tab?: string }>][] = [
  [/^\/$/, lazy(() => import("./views/inbox/inbox.tsx"))],
  [/^\/tasks$/, lazy(() => import("./views/tasks/tasks.tsx"))],
  [/^\/tasks\/(?<id>[^/]+)(\/(?<tab>[a-z]+))?$/, lazy(() => import("./views/task/task.tsx"))],
  [/^\/new$/, lazy(() => import("./views/new-task/new-task.tsx"))],
  [/^\/triggers$/, lazy(() => import("./views/triggers/triggers.tsx"))],
  [/^\/agents$/, lazy(() => import("./views/agents/agents.tsx"))],
  [/^\/settings$/, lazy(() => import("./views/settings/settings.tsx"))],
];

export function App() {
  const [session, setSession] = useState<Session | ApiError | null>(null);
  const look = () => {
    read<Session>("/v1/session").then(setSession, (error: unknown) => {
      const problem = error instanceof ApiError ? error : new ApiError(0, String(error));
      // A code may have signed it in since it was asked.
      setSession((now) => (now === null || now instanceof ApiError ? problem : now));
    });
  };
  useEffect(look, []);
  const { path } = usePlace();
  const leave = useCallback(() => setSession(new ApiError(401, "signed out")), []);

  if (path === "/pair" || (session instanceof ApiError && session.status === 401))
    return <Pair signedIn={(next) => setSession(next)} />;
  if (session === null) return <Skeleton lines={6} />;
  if (session instanceof ApiError)
    return (
      <main class="alone">
        <h1>Deputy</h1>
        <p role="alert">{session.message}</p>
        <button type="button" class="button primary" onClick={look}>
          Try again
        </button>
      </main>
    );
  return <SignedIn session={session} leave={leave} />;
}

function SignedIn({ session, leave }: { session: Session; leave: () => void }) {
  const [live, setLive] = useState<Live | null>(null);
  const toasts = useMemo(() => createStore<readonly Toast[]>([]), []);
  // Never used again: the timer of a toast that is gone must not close another one.
  const lastToast = useRef(0);
  useEffect(() => {
    const opened = openLive();
    setLive(opened);
    return () => opened.close();
  }, []);
  useEffect(() => {
    // The page works without it; Settings says what is wrong when somebody switches pushes on.
    if (session.device.scope === "act") syncPush().catch(() => {});
  }, [session]);
  const page = useMemo<Page | null>(
    () =>
      live && {
        ...{ session, live, leave },
        say: (sentence, tone = "good") => {
          lastToast.current += 1;
          say(toasts, lastToast.current, sentence, tone);
        },
      },
    [live, session, toasts, leave],
  );
  if (page === null) return null;
  return (
    <PageContext.Provider value={page}>
      <Watch />
      <Shell>
        <View />
      </Shell>
      <Toasts toasts={toasts} />
    </PageContext.Provider>
  );
}

/** Leaves when the daemon no longer knows this browser. */
function Watch() {
  const { leave, live } = usePage();
  const { link } = useStore(live.state);
  useEffect(() => {
    if (link === "signed_out") leave();
  }, [link, leave]);
  return null;
}

function View() {
  const { path } = usePlace();
  for (const [pattern, Found] of views) {
    const match = pattern.exec(path);
    if (match)
      return (
        <Suspense fallback={<Skeleton lines={6} />}>
          <Found {...match.groups} />
        </Suspense>
      );
  }
  return (
    <Empty title="There is nothing at this address.">
      <p>
        <Link href="/">Go to the inbox</Link>
      </p>
    </Empty>
  );
}

/** A good sentence goes by itself; a refusal, which is the daemon's whole sentence, when it is closed. */
function say(
  toasts: ReturnType<typeof createStore<readonly Toast[]>>,
  id: number,
  sentence: string,
  tone: "good" | "bad",
) {
  toasts.set([
    ...toasts.get().slice(-3),
    { id, sentence: tone === "good" ? toSentence(sentence) : sentence, tone },
  ]);
  if (tone === "good")
    setTimeout(() => toasts.set(toasts.get().filter((toast) => toast.id !== id)), 6_000);
}
