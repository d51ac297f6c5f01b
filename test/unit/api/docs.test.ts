// The page that describes the API against its sources, in both directions.

import t from "tap";
import { fillTables, renderTables } from "../../../scripts/api-tables.ts";
import * as labels from "../../../src/api/labels.ts";
import { quoted, read, rowsOf } from "./pages.ts";

const page = read("src/api/README.md");

t.test("the tables of src/api/README.md are what src/api says (npm run generate)", async (t) => {
  t.equal(fillTables(page), page);
  for (const [name, table] of renderTables()) {
    t.ok(table.split("\n").length > 5, `${name} is not empty`);
    t.throws(() => fillTables(page.replace(`<!-- ${name} -->`, "")), { message: new RegExp(name) });
  }
});

t.test("src/api/README.md lists every label and annotation", async (t) => {
  const keys = Object.entries(labels)
    .filter(([name]) => /_(LABEL|ANNOTATION)$/.test(name)).map(([, key]) => key);
  const documented = rowsOf(page, "Labels and annotations").flatMap(([cell]) => quoted(cell));
  t.strictSame(documented.sort(), keys.sort());
});

t.test("src/api/README.md names the files of its folder", async (t) => {
  const named = rowsOf(page.replace("# The API\n", "\n## Files\n"), "Files").flatMap(([cell]) =>
    quoted(cell)
  );
  for (const file of named) t.ok(read(`src/api/${file}`).length > 0, file);
});
