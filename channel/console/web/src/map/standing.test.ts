import { expect, test } from "vitest";
import { around, stand, type Wanted } from "./standing";

function label(change: Partial<Wanted<string>>): Wanted<string> {
  return { key: "a", at: [0, 0], size: [80, 16], reach: 10, rank: 1, sides: around(0), gaps: [4], must: false, ...change };
}

function boxes(wanted: readonly Wanted<string>[]): number[][] {
  const found = stand(wanted);
  return wanted.flatMap(({ key, at, size }) => {
    const one = found.get(key);
    if (!one) return [];
    const left = at[0] + one.offset[0] + ((one.side[0] - 1) / 2) * size[0];
    const top = at[1] + one.offset[1] + ((one.side[1] - 1) / 2) * size[1];
    return [[left, top, left + size[0], top + size[1]]];
  });
}

test("a label stands on its party's side, and covers no mark", () => {
  const [[, , , bottom] = []] = boxes([label({})]);
  expect(bottom).toBe(-14);
  // Another mark is where the label would stand: it goes elsewhere.
  const found = stand([label({}), label({ key: "b", at: [20, -24], size: [0, 0] })]);
  expect(found.get("a")!.side).not.toEqual([0, -1]);
});

test("labels give way to those that matter more, and find another side", () => {
  const town = label({ key: "town", at: [10, 4], reach: 3, rank: 0, gaps: [4, 16, 30], sides: around(null) });
  const crowd = [0, 1, 2, 3].map((party) => label({ key: `p${party}`, at: [party * 14, party * 9], sides: around(party) }));
  const found = boxes([town, ...crowd]);
  expect(found).toHaveLength(5);
  for (const [index, one] of found.entries()) {
    for (const other of found.slice(index + 1)) {
      const apart = one[0]! >= other[2]! || other[0]! >= one[2]! || one[1]! >= other[3]! || other[1]! >= one[3]!;
      expect(apart).toBe(true);
    }
  }
});

test("a label stands where it is seen, and not under what lies over the map", () => {
  const view = [-200, -100, 60, 100] as const;
  const east = label({ at: [50, 0], sides: [[1, 0], [-1, 0]] });
  expect(stand([east], view).get("a")!.side).toEqual([-1, 0]);
  expect(stand([label({ at: [300, 0], sides: [[1, 0], [-1, 0]] })], view).get("a")!.side).toEqual([1, 0]);
  expect(stand([label({ sides: [[1, 0], [-1, 0]] })], null, [[20, -50, 90, 50]]).get("a")!.side).toEqual([-1, 0]);
});

test("a label at the edge of the map is whole or left out, and one that must be seen is whole", () => {
  const view = [-200, -100, 60, 100] as const;
  const east = label({ at: [50, 0], sides: [[1, 0]] });
  expect(stand([east], view).size).toBe(0);
  expect(stand([{ ...east, must: true }], view).size).toBe(1);
  const covered = [[-60, -50, 40, 50]] as const;
  expect(stand([label({ at: [50, 0], sides: [[1, 0], [-1, 0]], must: true })], view, covered).get("a")!.side).toEqual([-1, 0]);
  expect(stand([label({ at: [70, 0], sides: [[-1, 0]] })], view).size).toBe(0);
});

test("what must be seen where nothing is free covers as little as it can", () => {
  const covered = [[-100, -20, 0, 20], [0, -60, 100, 60], [0, -60, 100, 59]] as const;
  const sides = [[1, 0], [-1, 0]] as const;
  expect(stand([label({ sides, reach: 0, must: true })], [-200, -200, 200, 200], covered).get("a")!.side).toEqual([-1, 0]);
});

test("a line leads to a label that stands far from its mark", () => {
  const [near] = stand([label({ sides: [[1, 0]] })]).values();
  const [far] = stand([label({ sides: [[1, 0]], gaps: [40] })]).values();
  expect([near!.lead, far!.lead]).toEqual([null, [10, 0]]);
});

test("where nothing is free a label is left out, but never what must be seen", () => {
  const wall = Array.from({ length: 400 }, (_, index) => label({ key: `w${index}`, at: [((index % 20) - 10) * 15, (Math.floor(index / 20) - 10) * 15], size: [0, 0] }));
  expect(stand([...wall, label({ key: "out", rank: 0 })]).has("out")).toBe(false);
  expect(stand([...wall, label({ key: "late", rank: 0, must: true })]).has("late")).toBe(true);
});
