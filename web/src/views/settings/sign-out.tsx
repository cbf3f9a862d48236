import { useState } from "preact/hooks";
import { send } from "../../data/api.ts";
import { usePage } from "../../data/page-context.ts";
import { tellError } from "../../parts/button.tsx";

/** A device that may only look may leave, too, so this is no button that acts. */
export function SignOut() {
  const { leave } = usePage();
  const [isAsking, setAsking] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const signOut = () =>
    send("DELETE", "/v1/session").then(leave, (error: unknown) => setProblem(tellError(error)));
  return (
    <div class="actions">
      {isAsking ? (
        <>
          <span>Sign this browser out? Coming back takes a new code.</span>
          <button type="button" class="button danger" onClick={() => void signOut()}>
            Sign out
          </button>
          <button type="button" class="button plain" onClick={() => setAsking(false)}>
            Stay
          </button>
        </>
      ) : (
        <button type="button" class="button plain" onClick={() => setAsking(true)}>
          Sign out…
        </button>
      )}
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}
