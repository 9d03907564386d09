// The queue of alerts: which list each is on, in which order, and its words. Pure but for the dictionary.
import { word } from "../i18n/index.svelte";
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

const RUNGS = ["operations", "staff", "ministry"];

export function rung(alert: AlertRow): number {
  return alert.rung ? RUNGS.indexOf(alert.rung) : -1;
}

/** `NO ANSWER from regime`, in the viewer's language. */
export function headline(alert: AlertRow): string {
  const values = { fault: alert.fault ?? "—", addressee: alert.addressee ?? alert.fault ?? "—" };
  return word("stage", alert.stage, values);
}
