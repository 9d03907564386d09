// What a cell of the board says: shape, word, colour and countdown of one delivery. Pure.
import { ms } from "./times";
import type { Delivery, NoticeRow } from "./types";

export type Tone = "late" | "near" | "owed" | "good" | "bad" | "calm" | "dim";

export interface CellFace {
  shape: string;
  /** Keys of the dictionary, tried in this order. */
  word: readonly [family: string, code: string];
  tone: Tone;
  /** When the next deadline is; NaN: none. */
  due: number;
  stage: string | null;
}

/** Within this part of a minute before its deadline an answer owed is near. */
const NEAR_MS = 60_000;
const ANSWERED: Partial<Record<Delivery["cell"], Tone>> = { roger: "good", wilco: "good", unable: "bad" };
const LATE_SHAPE: Record<string, string> = { forward: "awaiting-forward" };

export function face(delivery: Delivery, now: number): CellFace {
  const due = delivery.open ? ms(delivery.due_at) : Number.NaN;
  const stage = delivery.due_stage;
  const overdue = delivery.overdue || (delivery.open && delivery.owed && due <= now);
  if (overdue && delivery.open) {
    const shape = LATE_SHAPE[stage ?? ""] ?? "overdue";
    return { shape, word: ["late", stage ?? "answer"], tone: "late", due, stage };
  }
  if (delivery.cell === "expired") return { shape: "expired", word: ["cell", "expired"], tone: "late", due, stage };
  const base = { shape: delivery.cell, word: ["cell", delivery.cell] as const, due, stage };
  const answered = ANSWERED[delivery.cell];
  if (answered) return { ...base, tone: answered };
  if (!delivery.open) return { ...base, tone: "dim" };
  if (!delivery.owed) return { ...base, tone: "calm" };
  return { ...base, tone: due - now <= NEAR_MS ? "near" : "owed" };
}

/** The delivery that decides how urgent a row is: what is overdue, then the earliest deadline, of what is open. */
export function pressing(row: NoticeRow): Delivery | null {
  const open = row.deliveries.filter((delivery) => delivery.open && delivery.due_at);
  const late = open.filter((delivery) => delivery.overdue);
  const among = late.length ? late : open;
  return among.reduce<Delivery | null>((one, other) => (one && ms(one.due_at) <= ms(other.due_at) ? one : other), null);
}

export interface Fitting {
  shown: readonly Delivery[];
  /** Those that have no room. */
  rest: readonly Delivery[];
}

/**
 * The cells of a row that are shown whole in that room, all in pixels: everyone in their place if all fit, else those
 * that matter most, beside a mark as wide as `mark` that counts the others.
 */
export function fitting(deliveries: readonly Delivery[], room: number, cell: number, gap: number, mark: number): Fitting {
  const fit = (left: number): number => Math.floor((left + gap) / (cell + gap));
  if (deliveries.length <= Math.max(1, fit(room))) return { shown: deliveries, rest: [] };
  const sorted = [...deliveries].sort((one, other) => need(other) - need(one));
  const count = Math.max(1, fit(room - mark - gap));
  return { shown: sorted.slice(0, count), rest: sorted.slice(count) };
}

/** How much it matters to see what became of a delivery. */
function need(of: Delivery): number {
  return Number(unanswered(of)) * 4 + Number(of.owed) * 2 + Number(of.action);
}

/** Whether somebody has failed to answer, or to pass on, in time. */
export function unanswered(of: Delivery): boolean {
  return of.overdue || of.cell === "expired";
}

/** Centre of the box of all volumes. */
export function centre(row: NoticeRow): [number, number] | null {
  const box = row.box;
  if (!box || box.length !== 4) return null;
  return [(box[0]! + box[2]!) / 2, (box[1]! + box[3]!) / 2];
}
