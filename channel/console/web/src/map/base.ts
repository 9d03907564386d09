// The ground under the picture: rivers, lakes, borders, places, from the basemap that comes with the console.
import type Feature from "ol/Feature";
import GeoJSON from "ol/format/GeoJSON";
import VectorLayer from "ol/layer/Vector";
import VectorSource from "ol/source/Vector";
import CircleStyle from "ol/style/Circle";
import Fill from "ol/style/Fill";
import Stroke from "ol/style/Stroke";
import Style from "ol/style/Style";
import type { Language } from "../lib/types";
import { through, type Palette } from "./palette";
import type { Stand } from "./standing";
import { label } from "./styles";

const PROJECTION = { dataProjection: "EPSG:4326", featureProjection: "EPSG:3857" };

/** `names` takes the places in; `stand` says where the name of each stands. */
export function baseLayers(names: VectorSource, colours: () => Palette, language: () => Language, stand: (feature: Feature, resolution: number) => Stand | undefined): VectorLayer[] {
  const ground = new VectorSource();
  void fetch("/basemap.geojson")
    .then(async (response) => (response.ok ? ((await response.json()) as object) : null))
    .then((read) => {
      if (!read) return;
      const features = new GeoJSON().readFeatures(read, PROJECTION) as Feature[];
      names.addFeatures(features.filter((feature) => feature.get("layer") === "place"));
      ground.addFeatures(features.filter((feature) => feature.get("layer") !== "place"));
    });
  return [
    new VectorLayer({ source: ground, style: (feature) => groundStyle(feature as Feature, colours()) }),
    new VectorLayer({
      source: names,
      declutter: true,
      // Over the areas, under the labels of what is there now.
      zIndex: 4,
      style: (feature, resolution) => placeStyle(feature as Feature, colours(), language(), resolution, stand),
    }),
  ];
}

function groundStyle(feature: Feature, colours: Palette): Style | Style[] {
  switch (feature.get("layer")) {
    case "river": {
      const large = Number(feature.get("rank") ?? 9) <= 4;
      return new Style({ stroke: new Stroke({ color: colours.water, width: large ? 3 : 1.5 }), zIndex: 2 });
    }
    case "lake":
      return new Style({ fill: new Fill({ color: colours.lake }), stroke: new Stroke({ color: colours.water, width: 1 }), zIndex: 2 });
    case "border":
      return new Style({ stroke: new Stroke({ color: colours.border, width: 1.5, lineDash: [8, 4, 2, 4] }), zIndex: 3 });
    case "country":
      // The data end at a rectangle: filled countries would show its edge as if it were a border.
      return [];
    default:
      return new Style({ stroke: new Stroke({ color: colours.border, width: 1 }), fill: new Fill({ color: through(colours.border, 0.08) }), zIndex: 1 });
  }
}

/** What a place is called; empty where the map is too small for it. */
export function placeName(feature: Feature, language: Language, resolution: number): string {
  if (Number(feature.get("rank") ?? 9) > 7 && resolution > 900) return "";
  return String(feature.get(`name_${language}`) ?? feature.get("name") ?? "");
}

function placeStyle(feature: Feature, colours: Palette, language: Language, resolution: number, stand: (feature: Feature, resolution: number) => Stand | undefined): Style | undefined {
  const name = placeName(feature, language, resolution);
  if (!name) return undefined;
  const style = new Style({ image: new CircleStyle({ radius: 2.5, fill: new Fill({ color: colours.place }), declutterMode: "none" }) });
  const there = stand(feature, resolution);
  if (there) style.setText(label(name, colours, { colour: colours.place, stand: there }));
  return style;
}
