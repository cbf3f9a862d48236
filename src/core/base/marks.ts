/**
 * The environment variables by which processes of ours are recognised after whoever started them is
 * gone: which registered process started them, and which attempt.
 */
export const processMark = "DEPUTY_PROCESS";
export const attemptMark = "DEPUTY_ATTEMPT_ID";
