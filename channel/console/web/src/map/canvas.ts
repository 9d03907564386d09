// The map itself, on a canvas: OpenLayers and what we put on it. No page, no dictionary; words come in with the looks.
import Feature from "ol/Feature";
import OpenMap from "ol/Map";
import View from "ol/View";
import { boundingExtent, createEmpty, extend, isEmpty, type Extent } from "ol/extent";
import GeoJSON from "ol/format/GeoJSON";
import { Point, Polygon, type Geometry } from "ol/geom";
import { circular, fromExtent } from "ol/geom/Polygon";
import DragBox from "ol/interaction/DragBox";
import { defaults } from "ol/interaction/defaults";
import VectorLayer from "ol/layer/Vector";
import { fromLonLat, toLonLat, transformExtent } from "ol/proj";
import VectorSource from "ol/source/Vector";
import Fill from "ol/style/Fill";
import Stroke from "ol/style/Stroke";
import Style from "ol/style/Style";
import type { Box } from "../lib/order";
import type { Language, Layer, Picture } from "../lib/types";
import { baseLayers, placeName } from "./base";
import { ownLayer } from "./own";
import { palette, type Palette } from "./palette";
import { around, stand, type Box as Pixels, type Stand, type Wanted } from "./standing";
import { fontOf, labelOf, LINE_PX, markReach, middle, rankOf, styleOf, type Look } from "./styles";

const PROJECTION = { dataProjection: "EPSG:4326", featureProjection: "EPSG:3857" };
const HOME: Extent = [38.9, 34.3, 41.2, 36.1];
const ZOOM_MAX = 16;
const FIT_ZOOM_MAX = 11;
/** How far a label may stand from its mark: far off only what must be seen, at the end of a line. */
const [GAPS, GAPS_MUST, GAPS_FINDING, GAPS_TOWN] = [[4, 12], [4, 12, 24, 40, 60, 84, 110], [4], [5, 14]];
const TOWN_REACH = 3;
/** Between what matters now and the words of findings. */
const TOWN_RANK = 1.5;

export type Raw = Picture["features"][number];
export type Looker = (properties: Record<string, unknown>) => Look;

export interface Heard {
  moved: () => void;
  choose: (of: string | null) => void;
  drawn: (box: Box) => void;
}

export class Canvas {
  #map: OpenMap;
  #source = new VectorSource();
  #names = new VectorSource();
  #language: () => Language;
  #stands: { resolution: number; found: Map<Feature, Stand> } | null = null;
  #widths = new Map<string, number>();
  #pen = document.createElement("canvas").getContext("2d");
  #area = new VectorSource();
  #layer: VectorLayer;
  #labels: VectorLayer;
  #colours: Palette = palette();
  #box = new DragBox({ className: "draw-box" });
  #format = new GeoJSON();
  #looks = new WeakMap<Feature, Look>();
  #shown = new Map<Raw, Feature>();
  #fitted = false;
  #still: boolean;

  constructor(target: HTMLElement, language: () => Language, heard: Heard) {
    this.#language = language;
    this.#still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#layer = new VectorLayer({
      source: this.#source,
      zIndex: 3,
      style: (feature, resolution) => this.#style(feature as Feature, resolution),
      updateWhileInteracting: true,
    });
    const area = new VectorLayer({ source: this.#area, zIndex: 4, style: () => this.#areaStyle() });
    this.#labels = new VectorLayer({
      source: this.#source,
      declutter: true,
      zIndex: 5,
      style: (feature, resolution) => this.#label(feature as Feature, resolution),
      updateWhileInteracting: true,
    });
    const layers = [...this.#base(), this.#layer, area, this.#labels];
    this.#map = new OpenMap({ target, layers, controls: [], view: new View({ maxZoom: ZOOM_MAX, minZoom: 4 }), interactions: defaults({ altShiftDragRotate: false, pinchRotate: false }), keyboardEventTarget: target });
    this.#map.getView().fit(transformExtent(HOME, "EPSG:4326", "EPSG:3857"), { size: this.#size() });
    this.#listen(heard);
    // What was measured before the fonts were there is wrong.
    void document.fonts.ready.then(() => {
      this.#widths.clear();
      this.restyle();
    });
  }

  #base(): VectorLayer[] {
    this.#names.on("change", () => {
      this.#stands = null;
      this.#labels.changed();
      this.#map.getTargetElement()?.setAttribute("data-names", String(this.#names.getFeatures().length));
    });
    return baseLayers(this.#names, () => this.#colours, this.#language, (feature, resolution) => this.#stand(feature, resolution));
  }

  #listen(heard: Heard): void {
    this.#map.on("postrender", heard.moved);
    this.#map.on("moveend", () => {
      this.#map.getTargetElement()?.setAttribute("data-ready", "true");
      this.#replace();
    });
    this.#map.on("singleclick", (event) => {
      const hit = this.#map.forEachFeatureAtPixel(event.pixel, (feature) => feature, { hitTolerance: 6, layerFilter: (layer) => layer === this.#layer });
      heard.choose((hit?.get("of") as string | undefined) ?? null);
    });
    this.#box.on("boxend", () => {
      const extent = this.#box.getGeometry().getExtent();
      this.stopDrawing();
      heard.drawn(transformExtent(extent, "EPSG:3857", "EPSG:4326") as unknown as Box);
    });
  }

  /**
   * Takes the picture in the place of the one before; the first one that holds something is brought into view.
   * Returns how many milliseconds it took to draw.
   */
  show(features: readonly Raw[], look: Looker): number {
    const began = performance.now();
    const old = this.#shown;
    this.#shown = new Map();
    const fresh: Feature[] = [];
    for (const raw of features) {
      const feature = old.get(raw) ?? this.#read(raw);
      if (!feature) continue;
      const properties = (raw["properties"] ?? {}) as Record<string, unknown>;
      const marker = this.#looks.get(feature)?.marker ?? this.#mark(raw, feature.getGeometry()!);
      this.#looks.set(feature, { ...look(properties), marker });
      if (!old.delete(raw)) fresh.push(feature);
      this.#shown.set(raw, feature);
    }
    // What is left of the old picture is not in the new one.
    for (const feature of old.values()) this.#source.removeFeature(feature);
    this.#source.addFeatures(fresh);
    this.#replace();
    if (!this.#fitted && this.#shown.size) {
      this.#fitted = true;
      this.fit(false);
    }
    this.#map.renderSync();
    return performance.now() - began;
  }

  #read(raw: Raw): Feature | null {
    const geometry = this.#geometry(raw);
    if (!geometry) return null;
    const feature = new Feature(geometry);
    const properties = (raw["properties"] ?? {}) as Record<string, unknown>;
    feature.setProperties({ of: properties["token_sha256"] ?? null });
    return feature;
  }

  /** A place with an accuracy, or a radius, is a circle on the ground. */
  #geometry(raw: Raw): Geometry | null {
    const { geometry, properties } = raw as { geometry: { type: string; coordinates: number[] } | null; properties?: Record<string, unknown> };
    if (!geometry) return null;
    const radius = Number(properties?.["accuracy_m"] ?? properties?.["circle_radius_m"] ?? 0);
    if (geometry.type === "Point" && radius > 0) return circular(geometry.coordinates, radius, 64).transform("EPSG:4326", "EPSG:3857");
    return this.#format.readGeometry(geometry, PROJECTION) as Geometry;
  }

  #mark(raw: Raw, geometry: Geometry): Geometry | null {
    const made = raw["geometry"] as { type: string; coordinates: number[] };
    const centre = (raw["properties"] as Record<string, unknown> | undefined)?.["circle_center"];
    if (Array.isArray(centre)) return new Point(fromLonLat(centre as number[]));
    return made.type === "Point" ? new Point(fromLonLat(made.coordinates)) : middle(geometry);
  }

  #style(feature: Feature, resolution: number): Style[] {
    const look = this.#looks.get(feature);
    return look ? styleOf(feature, look, this.#colours, resolution) : [];
  }

  #label(feature: Feature, resolution: number): Style[] {
    const look = this.#looks.get(feature);
    return look ? labelOf(look, this.#colours, this.#stand(feature, resolution), resolution) : [];
  }

  /** Labels are placed anew: what is seen is another part of the map, or other things are on it. */
  #replace(): void {
    this.#stands = null;
    this.#source.changed();
    this.#names.changed();
  }

  /** Where the label of a feature stands, among all others at that scale; while the map moves they stand. */
  #stand(feature: Feature, resolution: number): Stand | undefined {
    if (this.#stands?.resolution !== resolution) this.#stands = { resolution, found: stand(this.#wanted(resolution), ...this.#seen(resolution)) };
    return this.#stands.found.get(feature);
  }

  /** What is seen of the map, and where buttons lie over it. */
  #seen(resolution: number): [Pixels, Pixels[]] {
    const [west, , , north] = this.#map.getView().calculateExtent(this.#size()) as [number, number, number, number];
    const [left, top] = [west / resolution, -north / resolution];
    const target = this.#map.getTargetElement();
    if (!target) return [[left, top, left, top], []];
    const all = target.getBoundingClientRect();
    const boxes = [...(target.parentElement?.querySelectorAll(".zoom, .readout") ?? [])].map((one) => one.getBoundingClientRect());
    const placed = (box: DOMRect): Pixels => [left + box.left - all.left, top + box.top - all.top, left + box.right - all.left, top + box.bottom - all.top];
    return [placed(all), boxes.map(placed)];
  }

  #wanted(resolution: number): Wanted<Feature>[] {
    const pixel = ([x, y]: number[]): [number, number] => [x! / resolution, -y! / resolution];
    const found: Wanted<Feature>[] = [];
    for (const feature of this.#source.getFeatures()) {
      const look = this.#looks.get(feature);
      if (!look || !(look.marker instanceof Point) || look.what === "line") continue;
      const must = look.late || look.chosen;
      const sides = around(look.what === "position" ? look.party : null);
      found.push({ key: feature, at: pixel(look.marker.getCoordinates()), size: this.#measured(look.label, must), reach: markReach(look), rank: rankOf(look), sides, gaps: must ? GAPS_MUST : look.what === "finding" ? GAPS_FINDING : GAPS, must });
    }
    for (const feature of this.#names.getFeatures()) {
      const size = this.#measured(placeName(feature, this.#language(), resolution), false);
      const at = pixel((feature.getGeometry() as Point).getCoordinates());
      found.push({ key: feature, at, size, reach: TOWN_REACH, rank: TOWN_RANK, sides: around(null), gaps: GAPS_TOWN, must: false });
    }
    return found;
  }

  /** Width and height of a label, with its halo. */
  #measured(text: string, bold: boolean): [number, number] {
    if (!text) return [0, 0];
    const lines = text.split("\n");
    const widths = lines.map((line) => {
      const key = `${bold} ${line}`;
      let width = this.#widths.get(key);
      if (width === undefined && this.#pen) {
        this.#pen.font = fontOf(bold);
        width = this.#pen.measureText(line).width;
        if (this.#widths.size > 5000) this.#widths.clear();
        this.#widths.set(key, width);
      }
      return width ?? 0;
    });
    return [Math.max(...widths) + 4, lines.length * LINE_PX];
  }

  #areaStyle(): Style {
    return new Style({ stroke: new Stroke({ color: this.#colours.accent, width: 2 }), fill: new Fill({ color: `${this.#colours.accent}22` }) });
  }

  /** Everything that is on the picture, or the country where it is empty. */
  fit(animated = true): void {
    const extent = createEmpty();
    for (const feature of this.#source.getFeatures()) extend(extent, feature.getGeometry()!.getExtent());
    this.#go(isEmpty(extent) ? transformExtent(HOME, "EPSG:4326", "EPSG:3857") : extent, animated);
  }

  /** Brings a notice's places into view if they are not. */
  reveal(of: string): void {
    const extent = createEmpty();
    for (const feature of this.#source.getFeatures()) if (feature.get("of") === of) extend(extent, feature.getGeometry()!.getExtent());
    if (isEmpty(extent)) return;
    const seen = this.#map.getView().calculateExtent(this.#size());
    const inside = extent[0]! >= seen[0]! && extent[1]! >= seen[1]! && extent[2]! <= seen[2]! && extent[3]! <= seen[3]!;
    if (!inside) this.#go(boundingExtent([[extent[0]!, extent[1]!], [extent[2]!, extent[3]!]]), true);
  }

  #go(extent: Extent, animated: boolean): void {
    const duration = animated && !this.#still ? 250 : 0;
    this.#map.getView().fit(extent, { size: this.#size(), padding: [48, 48, 56, 48], maxZoom: FIT_ZOOM_MAX, duration });
  }

  #size(): [number, number] {
    const target = this.#map.getTargetElement();
    return (this.#map.getSize() as [number, number] | undefined) ?? [target?.clientWidth || 600, target?.clientHeight || 400];
  }

  zoom(step: number): void {
    const view = this.#map.getView();
    view.animate({ zoom: (view.getZoom() ?? 8) + step, duration: this.#still ? 0 : 150 });
  }

  draw(): void {
    this.#map.addInteraction(this.#box);
  }

  stopDrawing(): void {
    this.#map.removeInteraction(this.#box);
  }

  /** The place on the ground, in degrees east and north, at a point of the window; null before the map is drawn. */
  under([x, y]: readonly [number, number]): [number, number] | null {
    const at = this.#map.getCoordinateFromPixel(this.#map.getEventPixel({ clientX: x, clientY: y })) as number[] | null;
    return at && (toLonLat(at) as [number, number]);
  }

  seen(): Box {
    return transformExtent(this.#map.getView().calculateExtent(this.#size()), "EPSG:3857", "EPSG:4326") as unknown as Box;
  }

  area(box: Box | null): void {
    this.#area.clear();
    if (box) this.#area.addFeature(new Feature<Polygon>(fromExtent(transformExtent([...box], "EPSG:4326", "EPSG:3857"))));
  }

  /** The operator's own layers. */
  layers(layers: readonly Layer[]): void {
    for (const layer of layers) this.#map.addLayer(ownLayer(layer, () => this.#colours));
  }

  /** After a change of theme or language. */
  restyle(): void {
    this.#colours = palette();
    this.#stands = null;
    for (const layer of this.#map.getLayers().getArray()) layer.changed();
  }

  resize(): void {
    this.#map.updateSize();
  }

  dispose(): void {
    this.#map.setTarget(undefined);
    this.#map.dispose();
  }
}
