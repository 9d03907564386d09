// Distances and extents for people.
import { isolated, number, t } from "../i18n/index.svelte";
import type { Placer } from "./placer.svelte";
import type { Picture } from "./types";

/** `850 m`, `2 km`, `12.5 km`: kilometres where they say it as exactly, or where it is far. */
export function metres(value: number): string {
  if (value >= 1000 && (value % 100 === 0 || value >= 10_000)) return `${number(Math.round(value / 100) / 10)} km`;
  return `${number(value)} m`;
}

interface Drawn {
  geometry: { type: string; coordinates: unknown[] };
  properties: Record<string, unknown>;
}

/** A shape of the picture in words: what it is, where, how large, how high. */
export function extent(feature: Picture["features"][number], placer: Placer): string {
  const { geometry, properties } = feature as unknown as Drawn;
  const size = (name: string): number => Number(properties[name] ?? Number.NaN);
  const path = (geometry.type === "Polygon" ? geometry.coordinates[0] : geometry.coordinates) as [number, number][];
  const place = placer.place(geometry.type === "Point" ? (geometry.coordinates as [number, number]) : path[0]!);
  const band = Number.isFinite(size("floor_m")) ? ` · ${isolated(`${size("floor_m")}–${size("ceiling_m")} m ${String(properties["reference"])}`)}` : "";
  if (geometry.type === "Polygon") return t("page.corners", { count: path.length - 1, place }) + band;
  if (geometry.type === "LineString") return t("page.along", { count: path.length, width: metres(size("width_m")), place }) + band;
  if (Number.isFinite(size("circle_radius_m"))) return t("page.within", { distance: metres(size("circle_radius_m")), place }) + band;
  return t("page.exact", { distance: metres(size("accuracy_m")), place }) + band;
}
