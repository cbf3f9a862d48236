/** The moments of each stage; a test dies at every one of them. */
export const faultMoments = ["claimed", "reported", "advanced"] as const;

/**
 * A moment at which a crash test kills this process as `kill -9` would: `DEPUTY_FAULT` names it as
 * `<stage>:<moment>`; what a person does with delivered work is named by its event. Without the
 * variable this does nothing, and no other code knows of it. The killed process neither logs nor
 * cleans up. With `DEPUTY_FAULT_SIGNAL=SIGSTOP` it stops there, once, so that a test can end something
 * else at that moment and let it go on.
 *
 * - claimed: the claim is committed, the stage has not started
 * - reported: the stage has done its work (snapshot taken, merged, pushed), nothing is recorded
 * - advanced: it is recorded, and no stage has been woken
 */
export function faultPoint(stage: string, moment: (typeof faultMoments)[number]): void {
  if (process.env.DEPUTY_FAULT !== `${stage}:${moment}`) return;
  delete process.env.DEPUTY_FAULT;
  process.kill(process.pid, process.env.DEPUTY_FAULT_SIGNAL ?? "SIGKILL");
}
