// Rows for tests: whole, and only what a test names differs.
import type { AlertRow, Delivery, NoticeRow } from "./types";

export function delivery(change: Partial<Delivery> = {}): Delivery {
  return {
    addressee: "regime", via: null, action: true, cell: "received", owed: true, open: true, late: false, overdue: false,
    unconfirmed: false, via_custody: null, due_at: "2017-09-16T00:37:00.000Z", due_stage: "answer", told_next_at: null, told_next: null,
    logged_at: "2017-09-16T00:36:00.000Z", received_at: null, displayed_at: null, forwarded_at: null, forwarded_by: null,
    answered_at: null, standby_until: null, reason: null, by: null, ...change,
  } as Delivery;
}

export function notice(change: Partial<NoticeRow> = {}): NoticeRow {
  return {
    of: "a", nid: "n", index: 1, logged_at: "2017-09-16T00:36:00.000Z", issued_at: "2017-09-16T00:36:00.000Z",
    author: "coalition", desk: "operations", type: "notice", kind: "intent", status: "operation", precedence: "FLASH",
    response: "WU", how: "human", says: { en: "Strike", ru: "Удар", ar: "ضربة", ku: "Êrîş" }, text: "", sealed: false, opened: false,
    grade: "witnessed", open: true, rank: 1, ended_by: null, amends: null, withdraws: null, unit: null, begins_at: null,
    ends_at: null, box: [40, 35, 41, 36], read_back: false, deliveries: [delivery()], ...change,
  } as NoticeRow;
}

export function alert(change: Partial<AlertRow> = {}): AlertRow {
  return {
    id: "1", what: "alert", stage: "answer", rung: "operations", round: 1, precedence: "FLASH", of: "a", nid: "n",
    author: "coalition", addressee: "regime", via: null, fault: "regime", due_at: "2017-09-16T00:37:00.000Z",
    raised_at: "2017-09-16T00:37:00.000Z", cleared_at: null, cleared_why: null, ending: [], told: [], ring: null, contact: null,
    acknowledged: {}, reasons: {}, mine: false, says: "", facts: [], concerns: [], rests_on: [], measures: {}, ...change,
  } as AlertRow;
}
