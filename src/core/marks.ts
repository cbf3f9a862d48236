/**
 * The environment variables by which processes of ours are recognised after whoever started them is
 * gone: which life of which process they belong to, and which attempt.
 */
export const bootMark = "DEPUTY_BOOT";
export const attemptMark = "DEPUTY_ATTEMPT_ID";
