// How each thing on the picture is drawn: by what it is, whose it is, how old and how exact. Shapes tell parties apart
// as colours do. Texts come ready made; this file knows no language.
import type Feature from "ol/Feature";
import { LineString, MultiLineString, Point, Polygon, type Geometry } from "ol/geom";
import CircleStyle from "ol/style/Circle";
import Fill from "ol/style/Fill";
import RegularShape from "ol/style/RegularShape";
import Stroke from "ol/style/Stroke";
import Style from "ol/style/Style";
import Text from "ol/style/Text";
import { through, type Palette } from "./palette";
import type { Stand } from "./standing";

/** What a feature is drawn with, worked out before: words in the viewer's language, state of its notice. */
export interface Look {
  what: string;
  party: number;
  label: string;
  late: boolean;
  stale: boolean;
  /** It does not stand any more: a notice's own page shows where it was. */
  over: boolean;
  chosen: boolean;
  /** Half the width on the ground of a line or a corridor, in metres; 0: none. */
  reach: number;
  marker: Geometry | null;
}

const FONT = '"IBM Plex Sans Variable", "IBM Plex Sans Arabic", system-ui, sans-serif';
const HALF_TURN = Math.PI;

interface LabelOptions {
  bold?: boolean;
  colour?: string;
  /** Where it stands; without it along its line. */
  stand?: Stand;
}

/** How high a line of a label is. */
export const LINE_PX = 19;

export function fontOf(bold: boolean): string {
  return `${bold ? 600 : 400} 13px ${FONT}`;
}

export function label(text: string, colours: Palette, options: LabelOptions = {}): Text {
  const fill = new Fill({ color: options.colour ?? colours.text });
  const halo = new Stroke({ color: colours.ground, width: 4 });
  const whole = { text, font: fontOf(options.bold ?? false), fill, overflow: true, stroke: halo, padding: [1, 2, 1, 2] };
  return new Text({ ...whole, ...(options.stand ? stood(options.stand) : {}) });
}

/** A label that has a place of its own already: nothing else may take it. */
function stood({ side, offset }: Stand): object {
  return {
    offsetX: offset[0],
    offsetY: offset[1],
    textAlign: (["right", "center", "left"] as const)[side[0] + 1]!,
    textBaseline: (["bottom", "middle", "top"] as const)[side[1] + 1]!,
    declutterMode: "obstacle",
  };
}

/** One shape a party: circle, square, triangle, diamond, pentagon, then circles again. */
export function marker(party: number, fill: string, edge: string, size = 7): CircleStyle | RegularShape {
  const options = { fill: new Fill({ color: fill }), stroke: new Stroke({ color: edge, width: 2 }), declutterMode: "none" as const };
  switch (party % 5) {
    case 1:
      return new RegularShape({ ...options, points: 4, radius: size * 1.3, angle: HALF_TURN / 4 });
    case 2:
      return new RegularShape({ ...options, points: 3, radius: size * 1.4 });
    case 3:
      return new RegularShape({ ...options, points: 4, radius: size * 1.3 });
    case 4:
      return new RegularShape({ ...options, points: 5, radius: size * 1.2 });
    default:
      return new CircleStyle({ ...options, radius: size });
  }
}

/** How far the mark of a look reaches from its place; 0: it has none. */
export function markReach(look: Look): number {
  if (!look.marker) return 0;
  return { position: 11, incident: 9, line: 0, excluded: 0, finding: 0, track: 0 }[look.what] ?? 6;
}

export function rankOf(look: Look): number {
  return look.chosen ? 6 : look.late ? 5 : look.what === "position" ? 4 : look.what === "finding" ? 1 : 2;
}

/** The label alone: labels lie over everything else. One along a line gives way to the others. */
export function labelOf(look: Look, colours: Palette, stand: Stand | undefined, resolution: number): Style[] {
  if (!look.label || (look.what !== "line" && !stand)) return [];
  const colour = look.late ? colours.late : look.what === "finding" ? colours.near : look.over ? colours.soft : colours.text;
  const text = label(look.label, colours, { bold: look.late || look.chosen, colour, ...(stand ? { stand } : {}) });
  if (look.what === "line") text.setPlacement("line");
  const style = new Style({ text, zIndex: look.what === "line" ? 0 : 10 * rankOf(look) });
  if (look.marker) style.setGeometry(look.marker);
  return stand?.lead && look.marker instanceof Point ? [style, leader(look.marker, stand.lead, stand.offset, colour, resolution)] : [style];
}

/** From a mark to its label; both ends are pixels from the place. */
function leader(place: Point, from: Stand["offset"], to: Stand["offset"], colour: string, resolution: number): Style {
  const [x, y] = place.getCoordinates() as [number, number];
  const ends = [from, to].map(([across, down]) => [x + across * resolution, y - down * resolution]);
  return new Style({ geometry: new LineString(ends), stroke: new Stroke({ color: colour, width: 1 }) });
}

export function styleOf(feature: Feature, look: Look, colours: Palette, resolution: number): Style[] {
  const own = colours.parties[look.party % colours.parties.length]!;
  const colour = look.late ? colours.late : look.over ? colours.soft : own;
  const styles = look.chosen ? [halo(colours)] : [];
  switch (look.what) {
    case "position":
      return [...styles, ...position(look, colour, colours)];
    case "line":
      return [...styles, ...line(feature, look, colours, resolution)];
    case "excluded":
      return [...styles, area(colours.soft, 0.16, [3, 5], 1.5)];
    case "finding":
      return [...styles, area(colours.near, 0.12, [10, 5], 3)];
    case "incident":
      return [...styles, area(colour, 0.12, undefined, 2), spot(look, colour, colours, 8, true)];
    case "site":
      return [...styles, area(colour, 0.2, undefined, 2), spot(look, colour, colours, 5)];
    case "track":
      return [new Style({ stroke: new Stroke({ color: through(own, 0.6), width: 1.5, lineDash: [2, 4] }) })];
    default:
      return [...styles, ...corridor(look, colour, resolution, feature), area(colour, 0.14, [8, 4], look.late ? 3 : 2), spot(look, colour, colours, 4)];
  }
}

function halo(colours: Palette): Style {
  const image = new CircleStyle({ radius: 15, stroke: new Stroke({ color: colours.accent, width: 3 }), declutterMode: "none" });
  return new Style({ stroke: new Stroke({ color: colours.accent, width: 7 }), image, zIndex: 5 });
}

function position(look: Look, colour: string, colours: Palette): Style[] {
  const around = { color: through(colour, 0.85), width: 1.2, ...(look.stale ? { lineDash: [3, 4] } : {}) };
  const ring = new Style({ fill: new Fill({ color: through(colour, 0.08) }), stroke: new Stroke(around) });
  const image = marker(look.party, look.stale ? colours.ground : colour, look.stale ? colour : colours.ground);
  const mark = new Style({ image, zIndex: look.late ? 20 : 10 });
  if (look.marker) mark.setGeometry(look.marker);
  return [ring, mark];
}

function area(colour: string, part: number, dash: number[] | undefined, width: number): Style {
  const stroke = new Stroke({ color: colour, width, ...(dash ? { lineDash: dash } : {}) });
  return new Style({ fill: new Fill({ color: through(colour, part) }), stroke });
}

/** The middle of an area, so that it is seen from far as well. */
function spot(look: Look, colour: string, colours: Palette, size: number, cross = false): Style {
  const stroke = new Stroke({ color: cross ? colour : colours.ground, width: cross ? 3 : 1.5 });
  const image = cross
    ? new RegularShape({ points: 4, radius: size, radius2: 0, angle: HALF_TURN / 4, stroke, declutterMode: "none" })
    : new RegularShape({ points: 4, radius: size, fill: new Fill({ color: colour }), stroke, declutterMode: "none" });
  const style = new Style({ image, zIndex: 8 });
  if (look.marker) style.setGeometry(look.marker);
  return style;
}

function line(feature: Feature, look: Look, colours: Palette, resolution: number): Style[] {
  const band = look.reach ? [new Style({ stroke: new Stroke({ color: through(colours.accent, 0.16), width: pixels(feature, look.reach, resolution), lineCap: "butt" }) })] : [];
  const edge = new Stroke({ color: colours.accent, width: 2.5 });
  return [...band, new Style({ stroke: edge })];
}

function corridor(look: Look, colour: string, resolution: number, feature: Feature): Style[] {
  if (!look.reach) return [];
  return [new Style({ stroke: new Stroke({ color: through(colour, 0.2), width: pixels(feature, look.reach, resolution), lineCap: "round" }) })];
}

/** A width on the ground in pixels: Web Mercator stretches with the latitude. */
function pixels(feature: Feature, reach: number, resolution: number): number {
  const geometry = feature.getGeometry();
  const y = geometry ? (geometry.getExtent()[1]! + geometry.getExtent()[3]!) / 2 : 0;
  const stretch = Math.cosh(y / 6_378_137);
  return Math.max(2, (2 * reach * stretch) / resolution);
}

/** Where the label and the mark of a geometry stand. */
export function middle(geometry: Geometry): Geometry | null {
  if (geometry instanceof Polygon) return geometry.getInteriorPoint();
  if (geometry instanceof LineString) return new Point(geometry.getCoordinateAt(0.5));
  if (geometry instanceof MultiLineString) return null;
  return geometry;
}
