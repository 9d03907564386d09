// What stands under a cell's word, in the viewer's language: what else became of one delivery.
import { t, word } from "../i18n/index.svelte";
import type { CellFace } from "./cells";
import { settings } from "./settings.svelte";
import { briefTime, countdown, ms } from "./times";
import type { Delivery } from "./types";

/** `brief`: only what matters most, where there is no room for by which way, and who is told next. */
export function notes(of: Delivery, look: CellFace, now: number, brief: boolean): string {
  const found: string[] = [];
  const at = (time: string | null): string => briefTime(ms(time), now);
  if (of.answered_at && !of.open) found.push(`${at(of.answered_at)}${of.late ? ` · ${t("cell.late")}` : ""}`);
  else if (of.standby_until) found.push(t("cell.until", { time: at(of.standby_until) }));
  // What is overdue has a word of its own: that it was passed on, and is not confirmed, is said all the same.
  if (of.unconfirmed && look.word[1] !== "forwarded-unconfirmed") found.push(t("cell.unconfirmed"));
  const late = look.tone === "late" && of.cell !== "expired";
  if (of.forwarded_by && !of.answered_at && (!late || (of.unconfirmed && !brief))) found.push(word("cell", of.forwarded_by));
  if (late) {
    if (!of.unconfirmed) found.push(custody(of, look, now));
    if (of.told_next && of.told_next_at && !brief) {
      found.push(t("cell.toldnext", { rung: word("rung", of.told_next), time: countdown(ms(of.told_next_at) - now, settings.language) }));
    }
  }
  if (!of.action) found.push(t("cell.info"));
  if (of.by === "machine" && of.answered_at) found.push(t("cell.machine"));
  return found.filter(Boolean).join(" · ");
}

/** How far it had got, where it is late. */
function custody(of: Delivery, look: CellFace, now: number): string {
  if (of.displayed_at) return `${t("cell.displayed")} ${briefTime(ms(of.displayed_at), now)}`;
  if (of.received_at) return `${t("cell.received")} ${briefTime(ms(of.received_at), now)}`;
  return look.stage === "receipt" ? "" : t("cell.logged");
}
