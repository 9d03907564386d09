// Where labels stand: each on a side of its place that is free, the important ones first. None covers a mark, its own
// neither. Pure; all lengths are pixels, y grows downwards.
export type Side = readonly [across: -1 | 0 | 1, down: -1 | 0 | 1];

export interface Wanted<K> {
  key: K;
  at: readonly [x: number, y: number];
  size: readonly [width: number, height: number];
  /** How far its own mark reaches from the place. */
  reach: number;
  /** Higher ones choose first. */
  rank: number;
  /** Sides in the order in which they are tried. */
  sides: readonly Side[];
  /** How far from the mark, in the order in which it is tried. */
  gaps: readonly number[];
  /** It is shown even where nothing is free. */
  must: boolean;
}

export interface Stand {
  side: Side;
  offset: readonly [x: number, y: number];
  /** Where a line from its mark to it begins; null: it stands so near that it needs none. */
  lead: readonly [x: number, y: number] | null;
}

/** Further from its mark than this, nobody sees whose label it is. */
const NEAR_PX = 12;

export type Box = readonly [left: number, top: number, right: number, bottom: number];

const [ABOVE, BELOW, BEFORE, AFTER] = [[0, -1], [0, 1], [-1, 0], [1, 0]] as const satisfies Side[];
const CORNERS = [[1, -1], [1, 1], [-1, 1], [-1, -1]] as const satisfies Side[];
/** Parties are often close to each other: each one's labels begin on a side of their own. */
const FIRST: readonly Side[] = [ABOVE, BEFORE, AFTER, BELOW];

/** All sides, from that of a party or, without one, from below. */
export function around(party: number | null): readonly Side[] {
  const first = party === null ? BELOW : FIRST[party % FIRST.length]!;
  return [first, ...[AFTER, BEFORE, ABOVE, BELOW].filter((side) => side !== first), ...CORNERS];
}

/**
 * Where each label stands; one that is not in the answer has no room. `view` is what is seen: no label of a mark in it is
 * cut off by its edge, and none of a mark beyond it reaches in. `covered` are parts of it on which something else lies.
 */
export function stand<K>(wanted: readonly Wanted<K>[], view: Box | null = null, covered: readonly Box[] = []): Map<K, Stand> {
  const taken = new Boxes();
  for (const box of covered) taken.add(box);
  for (const { at: [x, y], reach } of wanted) if (reach) taken.add([x - reach, y - reach, x + reach, y + reach]);
  const found = new Map<K, Stand>();
  for (const one of [...wanted].sort((a, b) => b.rank - a.rank)) {
    const tries = one.gaps.flatMap((gap) => one.sides.map((side) => put(one, side, gap)));
    const open = tries.filter(({ box }) => taken.free(box));
    const seen = view && within([...one.at, ...one.at], view);
    const whole = ({ box }: { box: Box }): boolean => !view || (seen ? within(box, view) : !overlap(box, view));
    const free = open.find(whole) ?? (one.must ? taken.barest(tries.filter(whole)) ?? tries[0] : undefined);
    if (!free) continue;
    const { box, ...there } = free;
    taken.add(box);
    found.set(one.key, there);
  }
  return found;
}

function put<K>(one: Wanted<K>, side: Side, gap: number): Stand & { box: Box } {
  const [[x, y], [width, height]] = [one.at, one.size];
  // At a corner the mark is further away already.
  const far = (one.reach + gap) * (side[0] && side[1] ? 0.75 : 1);
  const offset = [side[0] * far, side[1] * far] as const;
  const left = x + offset[0] + ((side[0] - 1) / 2) * width;
  const top = y + offset[1] + ((side[1] - 1) / 2) * height;
  const edge = one.reach / (one.reach + gap);
  const lead = gap > NEAR_PX ? ([offset[0] * edge, offset[1] * edge] as const) : null;
  return { side, offset, lead, box: [left, top, left + width, top + height] };
}

/** Boxes by the squares that they lie in: few are looked at for each question. */
class Boxes {
  static readonly SQUARE = 96;
  #squares = new Map<string, Box[]>();

  add(box: Box): void {
    for (const key of this.#keys(box)) {
      const there = this.#squares.get(key);
      if (there) there.push(box);
      else this.#squares.set(key, [box]);
    }
  }

  free(box: Box): boolean {
    return this.#keys(box).every((key) => !this.#squares.get(key)?.some((other) => overlap(box, other)));
  }

  /** Where the fewest others are covered. */
  barest<T extends { box: Box }>(tries: readonly T[]): T | undefined {
    const covered = ({ box }: T): number => new Set(this.#keys(box).flatMap((key) => this.#squares.get(key)?.filter((other) => overlap(box, other)) ?? [])).size;
    return [...tries].sort((one, other) => covered(one) - covered(other))[0];
  }

  #keys([left, top, right, bottom]: Box): string[] {
    const square = (length: number): number => Math.floor(length / Boxes.SQUARE);
    const keys: string[] = [];
    for (let x = square(left); x <= square(right); x++) for (let y = square(top); y <= square(bottom); y++) keys.push(`${x} ${y}`);
    return keys;
  }
}

function within(box: Box, view: Box): boolean {
  return box[0] >= view[0] && box[1] >= view[1] && box[2] <= view[2] && box[3] <= view[3];
}

function overlap(one: Box, other: Box): boolean {
  return one[0] < other[2] && other[0] < one[2] && one[1] < other[3] && other[1] < one[3];
}
