import { expect, test } from "vitest";
import { place } from "./places";

// What `channel.protocol.places.format_place` says of the same positions.
test.each([
  [40.1408, 35.3359, "37S FV 03674 10891", "SK-42 3912555 7603827", "35.33590N 40.14080E"],
  [38, 36.5, "37S DA 10443 39872", "SK-42 4041589 7410518", "36.50000N 38.00000E"],
  [44.5, 33, "38S MB 53291 51397", "SK-42 3652950 8453376", "33.00000N 44.50000E"],
])("%d %d is written as the commands write it", (lon, lat, mgrs, sk42, latlon) => {
  expect([place(lon, lat, "mgrs"), place(lon, lat, "sk42"), place(lon, lat, "latlon")]).toEqual([mgrs, sk42, latlon]);
});

test("where a system does not reach, lat/lon", () => {
  expect(place(-70, -33, "sk42")).toBe("33.00000S 70.00000W");
  expect(place(0, 86, "mgrs")).toBe("86.00000N 0.00000E");
});
