// The queue of alerts: which list each is on, in which order, and which are of one cause. Pure.
import { ms } from "./times";
import type { AlertRow } from "./types";
import { PRECEDENCES } from "./types";

export type ListName = "standing" | "acknowledged" | "cleared";

export function listOf(alert: AlertRow): ListName {
  if (alert.cleared_at) return "cleared";
  return alert.mine ? "acknowledged" : "standing";
}

/** By precedence, then the highest rung, then the oldest; cleared ones newest first. */
export function queue(alerts: readonly AlertRow[], list: ListName): AlertRow[] {
  const found = alerts.filter((alert) => listOf(alert) === list);
  if (list === "cleared") return found.sort((a, b) => ms(b.cleared_at) - ms(a.cleared_at));
  return found.sort(
    (a, b) =>
      PRECEDENCES.indexOf(a.precedence) - PRECEDENCES.indexOf(b.precedence) ||
      rung(b) - rung(a) ||
      ms(a.raised_at) - ms(b.raised_at),
  );
}

/** Alerts about the same delivery, one after the other up the rungs: one cause, shown once. */
export interface Cause {
  key: string;
  /** The one that went furthest. */
  lead: AlertRow;
  alerts: readonly AlertRow[];
  /** Since when: the earliest deadline of all. */
  since: number;
}

export function causes(alerts: readonly AlertRow[], list: ListName): Cause[] {
  const groups = new Map<string, AlertRow[]>();
  for (const alert of queue(alerts, list)) {
    const key = alert.of && alert.what === "alert" ? `${alert.of} ${alert.addressee}` : alert.id;
    const group = groups.get(key);
    if (group) group.push(alert);
    else groups.set(key, [alert]);
  }
  return [...groups].map(([key, group]) => ({
    key,
    lead: group.reduce((one, other) => (further(other, one) > 0 ? other : one)),
    alerts: group.sort((a, b) => ms(a.raised_at) - ms(b.raised_at)),
    since: Math.min(...group.map((alert) => ms(alert.due_at ?? alert.raised_at))),
  }));
}

const STAGES = ["silent", "receipt", "forward", "standby", "answer", "expired"];

function further(one: AlertRow, other: AlertRow): number {
  return rung(one) - rung(other) || STAGES.indexOf(one.stage) - STAGES.indexOf(other.stage) || one.round - other.round;
}

const RUNGS = ["operations", "staff", "ministry"];

export function rung(alert: AlertRow): number {
  return alert.rung ? RUNGS.indexOf(alert.rung) : -1;
}
