/**
 * A moment at which a crash test has this process killed, as `kill -9` would: `DEPUTY_FAULT` names it
 * as `<stage>:<moment>`. Without the variable this does nothing, and nothing else in the program
 * knows of it. What is killed here has said and cleaned up nothing.
 *
 *   claimed   the claim is committed, the stage has not begun
 *   reported  the stage has done its work (snapshot taken, merged, pushed), nothing is recorded
 *   advanced  it is recorded, and no stage is woken yet
 */
export function faultPoint(stage: string, moment: "claimed" | "reported" | "advanced"): void {
  if (process.env.DEPUTY_FAULT === `${stage}:${moment}`) process.kill(process.pid, "SIGKILL");
}
