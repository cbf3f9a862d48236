import type { TaskLedger, Transact } from "../../core/ledger/task-ledger.ts";
import type { Db, Tx } from "../database/schema.ts";
import { freeAsk, lockAsk, useAsk } from "../pushes/asks.ts";
import { insertNotifications } from "../pushes/notifications.ts";
import {
  findMessageKey,
  finishMessages,
  handDownMessages,
  insertMessage,
  listOpenComments,
  passMessages,
  reopenMessages,
} from "../records/messages.ts";
import { forgetUnanswered } from "../records/reviews.ts";
import { closePlanning } from "../records/sessions.ts";
import { readSpent } from "../records/spending.ts";
import {
  endAttemptRow,
  getLatestAttempt,
  insertAttempt,
  listLatestAttempts,
  listReported,
  noteReport,
  setOnAttempt,
  takeReport,
} from "./attempts.ts";
import { deleteDeciding, findDeciding, insertDeciding } from "./decisions.ts";
import { closePlan, insertPlan, listPlans } from "./plans.ts";
import { insertQuestion, listOpenQuestions, listQuestions, setAnswer } from "./questions.ts";
import { findActiveTask, getAttempt, getTask, listSubtasks } from "./tasks.ts";
import {
  appendEvent,
  insertSubtask,
  inTransition,
  lockTask,
  lockTaskRow,
  lockTasks,
  moveSubtask,
  moveTask,
  notifyCancel,
  notifyPause,
  notifyPushes,
  wakeStage,
} from "./transition.ts";
import { findUnsoundHolds } from "./unsound-holds.ts";

/** The ledger of one transaction: each operation is the store's function of that name. */
export function makeLedger(tx: Tx): TaskLedger {
  const on =
    <Given extends unknown[], Result>(operation: (tx: Tx, ...given: Given) => Result) =>
    (...given: Given): Result =>
      operation(tx, ...given);
  return {
    lockTask: on(lockTask),
    lockTasks: on(lockTasks),
    lockTaskRow: on(lockTaskRow),
    getTask: on(getTask),
    listSubtasks: on(listSubtasks),
    findActiveTask: on(findActiveTask),
    findUnsoundHolds: on(findUnsoundHolds),
    moveTask: on(moveTask),
    moveSubtask: on(moveSubtask),
    insertSubtask: on(insertSubtask),
    insertAttempt: on(insertAttempt),
    getAttempt: on(getAttempt),
    getLatestAttempt: on(getLatestAttempt),
    listLatestAttempts: on(listLatestAttempts),
    endAttemptRow: on(endAttemptRow),
    listReported: on(listReported),
    noteReport: on(noteReport),
    takeReport: on(takeReport),
    setOnAttempt: on(setOnAttempt),
    insertQuestion: on(insertQuestion),
    listQuestions: on(listQuestions),
    listOpenQuestions: on(listOpenQuestions),
    setAnswer: on(setAnswer),
    lockAsk: on(lockAsk),
    useAsk: on(useAsk),
    freeAsk: on(freeAsk),
    findDeciding: on(findDeciding),
    insertDeciding: on(insertDeciding),
    deleteDeciding: on(deleteDeciding),
    insertPlan: on(insertPlan),
    listPlans: on(listPlans),
    closePlan: on(closePlan),
    closePlanning: on(closePlanning),
    insertMessage: on(insertMessage),
    findMessageKey: on(findMessageKey),
    listOpenComments: on(listOpenComments),
    finishMessages: on(finishMessages),
    passMessages: on(passMessages),
    reopenMessages: on(reopenMessages),
    handDownMessages: on(handDownMessages),
    readSpent: on(readSpent),
    forgetUnanswered: on(forgetUnanswered),
    appendEvent: on(appendEvent),
    insertNotifications: on(insertNotifications),
    wakeStage: on(wakeStage),
    notifyCancel: on(notifyCancel),
    notifyPause: on(notifyPause),
    notifyPushes: on(notifyPushes),
  };
}

/** Transitions on this database. */
export function makeTransact(db: Db): Transact {
  return (work) => inTransition(db, (tx) => work(makeLedger(tx)));
}
