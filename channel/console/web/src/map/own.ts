// The operator's own layers under the picture: GeoJSON and tiles from the console's home. Their texts are not shown.
import GeoJSON from "ol/format/GeoJSON";
import type BaseLayer from "ol/layer/Base";
import TileLayer from "ol/layer/Tile";
import VectorLayer from "ol/layer/Vector";
import VectorSource from "ol/source/Vector";
import XYZ from "ol/source/XYZ";
import Fill from "ol/style/Fill";
import Stroke from "ol/style/Stroke";
import Style from "ol/style/Style";
import type { Layer } from "../lib/types";
import { through, type Palette } from "./palette";

const PROJECTION = { dataProjection: "EPSG:4326", featureProjection: "EPSG:3857" };

export function ownLayer(layer: Layer, colours: () => Palette): BaseLayer {
  if (layer.kind === "tiles") {
    const zooms = { ...(layer.min_zoom === null ? {} : { minZoom: layer.min_zoom }), ...(layer.max_zoom === null ? {} : { maxZoom: layer.max_zoom }) };
    return new TileLayer({ source: new XYZ({ url: layer.url, ...zooms }), zIndex: -1 });
  }
  const source = new VectorSource();
  void fetch(layer.url)
    .then(async (response) => (response.ok ? ((await response.json()) as object) : null))
    .then((read) => read && source.addFeatures(new GeoJSON().readFeatures(read, PROJECTION)))
    // One that cannot be read is left out: the map is as good as before.
    .catch((error: unknown) => console.warn(`${layer.url}: ${String(error)}`));
  return new VectorLayer({ source, zIndex: 2, style: () => style(colours()) });
}

function style(colours: Palette): Style {
  return new Style({ stroke: new Stroke({ color: colours.soft, width: 1.5 }), fill: new Fill({ color: through(colours.soft, 0.08) }) });
}
