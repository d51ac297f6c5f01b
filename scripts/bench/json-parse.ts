// The lower limit that `bench.sh watch` compares with: the same lines, ready as strings, through JSON.parse and
// nothing else. Arguments: a file of lines, how many to parse. Prints microseconds of CPU per line.

import { readFileSync } from "node:fs";
import process from "node:process";

const [file = "", count = ""] = process.argv.slice(2);
const lines = readFileSync(file, "utf8").trimEnd().split("\n").map((line) => line);
const rounds = Math.max(1, Math.round(Number(count) / lines.length));

for (const line of lines) JSON.parse(line);
const before = process.cpuUsage();
for (let round = 0; round < rounds; round++) for (const line of lines) JSON.parse(line);
const { user, system } = process.cpuUsage(before);
process.stdout.write(`${(user + system) / (rounds * lines.length)}\n`);
