import t from "tap";
import { quantitySchema, quantityValue } from "../../../src/api/quantity.ts";

t.test("quantityValue() understands what Kubernetes writes", async (t) => {
  const rows: [string | number, number | undefined][] = [
    [2, 2],
    ["2", 2],
    ["500m", 0.5],
    ["1.5", 1.5],
    [".5", 0.5],
    ["1Ki", 1024],
    ["10Gi", 10 * 2 ** 30],
    ["10G", 10e9],
    ["1e3", 1000],
    ["1E3", 1000],
    ["1E", 1e18],
    ["12E-1", 1.2],
    ["", undefined],
    ["10 Gi", undefined],
    ["10gi", undefined],
    ["-1", undefined],
    ["Gi", undefined],
  ];
  for (const [quantity, value] of rows) {
    t.equal(quantityValue(quantity), value, JSON.stringify(quantity));
    t.equal(quantitySchema.safeParse(quantity).success, value !== undefined, `schema: ${quantity}`);
  }
});
