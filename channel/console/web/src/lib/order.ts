// Which notices the board lists, and in which order. Pure: rows in, rows out.
import { ms } from "./times";
import type { NoticeRow, Precedence } from "./types";
import { PRECEDENCES } from "./types";

export const STATES = ["overdue", "owed", "open", "ended"] as const;
export type State = (typeof STATES)[number];
export const SORTS = ["urgency", "deadline", "newest", "precedence", "author", "nearest"] as const;
export type Sort = (typeof SORTS)[number];
export type Box = readonly [number, number, number, number];

/** What the viewer asked to see. Empty lists and nulls: everything. */
export interface Filter {
  text: string;
  precedences: readonly Precedence[];
  party: string | null;
  states: readonly State[];
  area: Box | null;
  /** Only notices logged in the last so many milliseconds. */
  within: number | null;
  /** Only notices whose window reaches into this time; by when it was logged, where a notice has no window. */
  from: number | null;
  until: number | null;
}

export const EVERYTHING: Filter = { text: "", precedences: [], party: null, states: [], area: null, within: null, from: null, until: null };
/** An answer that is due within this time is as urgent as any. */
const URGENT_MS = 60_000;

/** A line of the board: the head of a group, or a notice. */
export type Line =
  | { kind: "head"; state: State; count: number; key: string }
  | { kind: "row"; row: NoticeRow; outside: boolean; key: string };

export function stateOf(row: NoticeRow): State {
  return STATES[Math.min(Math.max(row.rank, 0), 3)]!;
}

const dues = new WeakMap<NoticeRow, number>();

/** The earliest deadline still to come or passed of what is open; Infinity if there is none. */
export function nextDue(row: NoticeRow): number {
  // Rows never change, they are replaced; and ordering a thousand of them asks ten times for each.
  let due = dues.get(row);
  if (due === undefined) {
    due = Number.POSITIVE_INFINITY;
    for (const delivery of row.deliveries) {
      if (delivery.open && delivery.due_at) due = Math.min(due, ms(delivery.due_at));
    }
    dues.set(row, due);
  }
  return due;
}

/** What no filter may hide: what is overdue, FLASH and IMMEDIATE that are owed an answer, and what is due at once. */
export function urgent(row: NoticeRow, now: number): boolean {
  const state = stateOf(row);
  if (state !== "owed") return state === "overdue";
  if (row.precedence === "FLASH" || row.precedence === "IMMEDIATE") return true;
  return row.deliveries.some((one) => one.open && one.owed && ms(one.due_at) - now <= URGENT_MS);
}

export function overlaps(box: Box, other: Box): boolean {
  return box[0] <= other[2] && other[0] <= box[2] && box[1] <= other[3] && other[1] <= box[3];
}

export function matches(row: NoticeRow, filter: Filter, now: number): boolean {
  if (filter.precedences.length && !filter.precedences.includes(row.precedence)) return false;
  if (filter.states.length && !filter.states.includes(stateOf(row))) return false;
  if (filter.party && row.author !== filter.party && !row.deliveries.some((d) => concerns(d, filter.party!))) return false;
  if (filter.within !== null && ms(row.logged_at) < now - filter.within) return false;
  if (!during(row, filter)) return false;
  if (filter.area && !(row.box && overlaps(row.box as unknown as Box, filter.area))) return false;
  return !filter.text || words(row).includes(filter.text.toLocaleLowerCase());
}

function during(row: NoticeRow, { from, until }: Filter): boolean {
  if (from === null && until === null) return true;
  const begins = ms(row.begins_at ?? row.logged_at);
  // A window without an end goes on.
  const ends = row.begins_at ? ms(row.ends_at) || Number.POSITIVE_INFINITY : begins;
  return (from === null || ends >= from) && (until === null || begins <= until);
}

function concerns(delivery: NoticeRow["deliveries"][number], party: string): boolean {
  return delivery.addressee === party || delivery.via === party;
}

const texts = new WeakMap<NoticeRow, string>();

function words(row: NoticeRow): string {
  let text = texts.get(row);
  if (text === undefined) {
    const said = [row.author, row.kind, row.nid, row.unit ?? "", row.text, ...Object.values(row.says)];
    text = [...said, ...row.deliveries.map((d) => d.addressee)].join("\n").toLocaleLowerCase();
    texts.set(row, text);
  }
  return text;
}

const PRECEDENCE_RANK = new Map<string, number>(PRECEDENCES.map((name, index) => [name, index]));

function precedence(row: NoticeRow): number {
  return PRECEDENCE_RANK.get(row.precedence) ?? 9;
}

type Compare = (a: NoticeRow, b: NoticeRow) => number;

const BY: Record<Exclude<Sort, "nearest">, Compare> = {
  urgency: (a, b) => precedence(a) - precedence(b) || nextDue(a) - nextDue(b) || b.index - a.index,
  deadline: (a, b) => nextDue(a) - nextDue(b) || b.index - a.index,
  newest: (a, b) => b.index - a.index,
  precedence: (a, b) => precedence(a) - precedence(b) || b.index - a.index,
  author: (a, b) => a.author.localeCompare(b.author) || b.index - a.index,
};

/** The nearest to the middle of an area first; what has no place last. */
function nearest(area: Box): Compare {
  const [lon, lat] = [(area[0] + area[2]) / 2, (area[1] + area[3]) / 2];
  const stretch = Math.cos((lat * Math.PI) / 180);
  const far = ({ box }: NoticeRow): number =>
    box ? Math.hypot(((box[0] + box[2]) / 2 - lon) * stretch, (box[1] + box[3]) / 2 - lat) : 1000;
  return (a, b) => far(a) - far(b) || BY.urgency(a, b);
}

/**
 * The lines of the board: grouped by state, what is overdue first whatever the sort, then what is owed, of that what is
 * urgent first. What is urgent is there also when it is outside the filter: nothing may hide it. `area` is the one that
 * `nearest` goes by.
 */
export function lines(rows: readonly NoticeRow[], filter: Filter, sort: Sort, now: number, area: Box | null = null): Line[] {
  const groups: Record<State, { row: NoticeRow; outside: boolean; presses: boolean }[]> = { overdue: [], owed: [], open: [], ended: [] };
  for (const row of rows) {
    const inside = matches(row, filter, now);
    const presses = urgent(row, now);
    if (inside || presses) groups[stateOf(row)].push({ row, outside: !inside, presses });
  }
  const chosen = sort === "nearest" ? (area ? nearest(area) : BY.urgency) : BY[sort];
  const found: Line[] = [];
  for (const state of STATES) {
    const group = groups[state];
    if (!group.length) continue;
    const by = state === "ended" && sort === "urgency" ? BY.newest : chosen;
    group.sort((a, b) => Number(b.presses) - Number(a.presses) || Number(a.outside) - Number(b.outside) || by(a.row, b.row));
    found.push({ kind: "head", state, count: group.length, key: `head-${state}` });
    for (const { row, outside } of group) found.push({ kind: "row", row, outside, key: row.of });
  }
  return found;
}

/**
 * While somebody points at the board its order stands still: the lines that were there, with their newest contents, in
 * their old places. What is urgent and was not on the board yet comes in on top all the same.
 */
export function held(old: readonly Line[], fresh: readonly Line[], now: number): Line[] {
  const byKey = new Map(fresh.map((line) => [line.key, line]));
  const known = new Set(old.map((line) => line.key));
  const kept = old.map((line) => byKey.get(line.key)).filter((line) => line !== undefined);
  const fresher = fresh.filter((line) => line.kind === "row" && urgent(line.row, now) && !known.has(line.key));
  return fresher.length ? [...fresher, ...kept] : kept;
}

/** Whether two lists show the same lines in the same places. */
export function sameOrder(one: readonly Line[], other: readonly Line[]): boolean {
  return one.length === other.length && one.every((line, index) => line.key === other[index]!.key);
}
