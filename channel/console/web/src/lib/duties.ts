// What a notice wants from the party whose console this is. Pure.
import type { Delivery, NoticeRow } from "./types";

const FINAL = new Set<Delivery["cell"]>(["roger", "wilco", "unable"]);

/** Its delivery to us, if there is one. */
export function toUs(row: NoticeRow, party: string | null | undefined): Delivery | null {
  return row.deliveries.find((one) => one.addressee === party) ?? null;
}

/** Deliveries that we are to pass on: those not passed on first. */
export function throughUs(row: NoticeRow, party: string | null | undefined): Delivery[] {
  const found = row.deliveries.filter((one) => one.via === party && party);
  return found.sort((one, other) => Number(one.forwarded_at !== null) - Number(other.forwarded_at !== null));
}

/** Whether we have still to pass it on, or only did so by voice and nothing has come from there. */
export function passable(of: Delivery): boolean {
  return of.open && (of.cell === "awaiting-forward" || (of.forwarded_by === "voice" && of.unconfirmed));
}

/** Whether no person of ours has signed for having it before them. What a desk answered, a person has seen. */
export function unseen(row: NoticeRow, party: string | null | undefined): boolean {
  if (!party || (row.sealed && !row.opened)) return false;
  const to = toUs(row, party);
  if (to && !to.displayed_at && !FINAL.has(to.cell)) return true;
  return row.deliveries.some((one) => one.via === party && one.via_custody !== "displayed");
}

/** Whether somebody here has to act on it: answer it, or pass it on. */
export function owed(row: NoticeRow, party: string | null | undefined): boolean {
  return row.deliveries.some((one) => one.open && ((one.addressee === party && one.owed) || (one.via === party && one.cell === "awaiting-forward")));
}

/** What rings a party's desk: it came, somebody has to act on it, and nobody has it before them. */
export function calling(board: readonly NoticeRow[], party: string | null | undefined): NoticeRow[] {
  return party ? board.filter((row) => owed(row, party) && unseen(row, party)) : [];
}
