import { useEffect, useState } from "preact/hooks";
import { ApiError, send } from "../data/api.ts";
import type { Session } from "../data/page-context.ts";
import { go } from "../data/router.tsx";

/**
 * Signs this browser in with a code of `deputy pair` or `deputy open`. The code of an address is in
 * its fragment, which no server sees, and is taken out of the history at once.
 */
export function Pair({ signedIn }: { signedIn: (session: Session) => void }) {
  const [code, setCode] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  const pair = async (given: string) => {
    setBusy(true);
    setProblem(null);
    try {
      const session = await send<Session>("POST", "/v1/session", {
        code: given.trim(),
        name: nameBrowser(navigator.userAgent),
      });
      if (location.pathname === "/pair") go("/", { replace: true });
      signedIn(session);
    } catch (error) {
      setProblem(error instanceof ApiError ? error.message : String(error));
      setBusy(false);
    }
  };

  useEffect(() => {
    const given = location.pathname === "/pair" ? location.hash.slice(1) : "";
    if (given === "") return;
    history.replaceState(null, "", "/pair");
    void pair(given);
  }, []);

  return (
    <main class="alone">
      <h1>
        <img src="/icon.svg" alt="" width="40" height="40" /> Deputy
      </h1>
      <p>This browser is not signed in.</p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void pair(code);
        }}
      >
        <label>
          Code
          <input
            name="code"
            value={code}
            onInput={(event) => setCode(event.currentTarget.value)}
            autocomplete="one-time-code"
            autocapitalize="off"
            spellcheck={false}
            required
          />
        </label>
        <button type="submit" class="button primary" disabled={busy}>
          Sign in
        </button>
      </form>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <p class="hint">
        On the machine where Deputy runs, <code>deputy open</code> opens this page signed in, and{" "}
        <code>deputy pair</code> prints a code for another device.
      </p>
    </main>
  );
}

/** A name by which its owner knows the device in the list of devices. */
export function nameBrowser(agent: string): string {
  const browser = /Firefox/.test(agent)
    ? "Firefox"
    : /Edg\//.test(agent)
      ? "Edge"
      : /Chrom/.test(agent)
        ? "Chrome"
        : /Safari/.test(agent)
          ? "Safari"
          : "Browser";
  const system = /iPhone|iPad/.exec(agent)?.[0] ?? /Android|Windows|Mac OS|Linux/.exec(agent)?.[0];
  return system ? `${browser} on ${system.replace("Mac OS", "Mac")}` : browser;
}
