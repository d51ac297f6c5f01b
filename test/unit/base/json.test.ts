import t from "tap";
import { parseJson } from "../../../src/base/json.ts";

for (
  const { text, want } of [
    { text: '{"a":[1,null]}', want: { a: [1, null] } },
    { text: "null", want: null },
    { text: '"text"', want: "text" },
    { text: '{"a":', want: undefined },
    { text: "<html>", want: undefined },
    { text: "", want: undefined },
  ]
) {
  t.test(`parseJson() of ${JSON.stringify(text)}`, async (t) => {
    t.strictSame(parseJson(text), want);
  });
}
