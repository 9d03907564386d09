// An alert in few words: `NO ANSWER from regime`, in the viewer's language.
import { word } from "../i18n/index.svelte";
import type { AlertRow } from "./types";

export function headline(alert: AlertRow): string {
  return word("stage", alert.stage, { fault: alert.fault ?? "—", addressee: alert.addressee ?? alert.fault ?? "—" });
}
