// An alert, or a notice that came, in few words: `NO ANSWER from regime`, in the viewer's language.
import { t, word } from "../i18n/index.svelte";
import type { Ringing } from "./alarm.svelte";
import type { AlertRow } from "./types";

export function headline(alert: AlertRow): string {
  return word("stage", alert.stage, { fault: alert.fault ?? "—", addressee: alert.addressee ?? alert.fault ?? "—" });
}

/** Words of the channel only: what a party wrote is not in them. */
export function called(one: Ringing): string {
  if (one.alert) return headline(one.alert);
  return t("alerts.incoming", { precedence: one.precedence, party: one.notice?.author ?? "—" });
}
