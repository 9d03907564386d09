// Which lines of a long list are drawn: those in view and a few more. Pure.
export interface Span {
  first: number;
  /** One after the last. */
  end: number;
}

/** Where each line begins, and after the last entry how high all are together. */
export function offsets(heights: readonly number[]): Float64Array {
  const tops = new Float64Array(heights.length + 1);
  for (let index = 0; index < heights.length; index++) tops[index + 1] = tops[index]! + heights[index]!;
  return tops;
}

/** The lines between `top` and `top + height`, with `spare` more on each side. */
export function visible(tops: Float64Array, top: number, height: number, spare = 4): Span {
  const count = tops.length - 1;
  const first = Math.max(0, lineAt(tops, top) - spare);
  const end = Math.min(count, lineAt(tops, top + height) + 1 + spare);
  return { first: Math.min(first, count), end: Math.max(first, end) };
}

/** Index of the line in which the point `y` lies. */
export function lineAt(tops: Float64Array, y: number): number {
  let low = 0;
  let high = Math.max(0, tops.length - 2);
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (tops[middle]! <= y) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The scroll position that shows a line wholly, moving as little as possible. `head` is covered at the top. */
export function reveal(tops: Float64Array, index: number, top: number, height: number, head = 0): number {
  const from = tops[index]!;
  const until = tops[index + 1]!;
  if (from < top + head) return Math.max(0, from - head);
  if (until > top + height) return until - height;
  return top;
}
