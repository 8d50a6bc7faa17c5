// Reads {pattern: [texts]}, and prints for each pattern which of the texts it matches, as editors see it.
import { readFileSync } from "node:fs";

const given = JSON.parse(readFileSync(0, "utf8"));
const found = {};
for (const [pattern, texts] of Object.entries(given)) {
  const expression = new RegExp(pattern, "u");
  found[pattern] = texts.map((text) => expression.test(text));
}
console.log(JSON.stringify(found));
