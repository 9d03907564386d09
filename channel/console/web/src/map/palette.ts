// The map's colours: those of the page's theme, read from its style, because a canvas knows no CSS.
export interface Palette {
  land: string;
  water: string;
  lake: string;
  border: string;
  place: string;
  text: string;
  ground: string;
  soft: string;
  accent: string;
  late: string;
  near: string;
  parties: readonly string[];
}

export function palette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const read = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    land: read("map-land"),
    water: read("map-water"),
    lake: read("map-lake"),
    border: read("map-border"),
    place: read("map-place"),
    text: read("text"),
    ground: read("ground"),
    soft: read("soft"),
    accent: read("accent"),
    late: read("late"),
    near: read("near"),
    parties: [0, 1, 2, 3, 4, 5].map((index) => read(`party-${index}`)),
  };
}

/** The same colour, seen through: `#rrggbb` and how much of it. */
export function through(colour: string, part: number): string {
  return colour + Math.round(part * 255).toString(16).padStart(2, "0");
}
