// node cdk8s.js COUNT OBJECTS: the objects of so many workloads by cdk8s, to stdout.
const { readFileSync } = require("fs");
const { ApiObject, App, Chart, Yaml } = require("cdk8s");

const [count, objects] = [Number(process.argv[2]), readFileSync(process.argv[3], "utf8")];
const app = new App();
for (let index = 0; index < count; index++) {
  const chart = new Chart(app, `app-${index}`);
  JSON.parse(objects.replaceAll("app-0", `app-${index}`)).forEach((manifest, number) => new ApiObject(chart, `o${number}`, manifest));
}
process.stdout.write(app.synthYaml());
