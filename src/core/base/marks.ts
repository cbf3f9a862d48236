/**
 * Environment variables that identify Deputy's processes after their parent is gone: the registered
 * process that started them, and the attempt.
 */
export const processMark = "DEPUTY_PROCESS";
export const attemptMark = "DEPUTY_ATTEMPT_ID";
