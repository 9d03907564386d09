// Places for people: lat/lon, MGRS, SK-42 Gauss-Krueger. The same forms and the same datum operation as the commands'
// (channel/protocol/places.py); where a system does not reach, lat/lon. Loaded with the map.
import { forward } from "mgrs";
import proj4 from "proj4";
import type { Coordinates } from "./types";

const zones = new Map<number, proj4.Converter>();

/** EPSG:15865: Pulkovo 1942 to WGS 84 (16), coordinate frame rotation. */
const PULKOVO = "+ellps=krass +towgs84=25,-141,-78.5,0,0.35,0.736,0";

function gaussKrueger(zone: number): proj4.Converter {
  let converter = zones.get(zone);
  if (!converter) {
    const grid = `+proj=tmerc +lat_0=0 +lon_0=${zone * 6 - 3} +k=1 +x_0=${zone * 1_000_000 + 500_000} +y_0=0`;
    converter = proj4("+proj=longlat +datum=WGS84", `${grid} ${PULKOVO} +units=m`);
    zones.set(zone, converter);
  }
  return converter;
}

/** A position for people, to about a metre. */
export function place(lon: number, lat: number, system: Coordinates): string {
  if (system === "mgrs" && lat >= -80 && lat < 84) {
    const grid = forward([lon, lat], 5);
    return `${grid.slice(0, -12)} ${grid.slice(-12, -10)} ${grid.slice(-10, -5)} ${grid.slice(-5)}`;
  }
  const zone = Math.floor(lon / 6) + 1;
  if (system === "sk42" && lat >= 1 && lat < 84 && zone >= 1 && zone <= 32) {
    const [easting, northing] = gaussKrueger(zone).forward([lon, lat]) as [number, number];
    return `SK-42 ${String(Math.round(northing)).padStart(7, "0")} ${Math.round(easting)}`;
  }
  return `${Math.abs(lat).toFixed(5)}${lat >= 0 ? "N" : "S"} ${Math.abs(lon).toFixed(5)}${lon >= 0 ? "E" : "W"}`;
}
