// A user's program; what must not compile is expected not to.
import * as pods from "./nodejs";

const authority = new pods.CertificateAuthority("ca", { commonName: "search CA" });

const search = new pods.Workload("search", {
  app: {
    name: "web",
    image: "web:1",
    ports: [{ name: "http", number: 8080, rebind: { env: { LISTEN: "{host}:{port}" } } }],
    env: { LOG_LEVEL: "info", NODE: { valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } } },
    startupProbe: { httpGet: { path: "/", port: "http" } },
    unset: ["uid"],
  },
  patterns: [
    { tlsAmbassador: { validityHours: 4000 } },
    { metricsAdapter: { exporter: { image: "exporter:1", args: ["--url={url}"] } } },
    { sysctlInit: { sysctls: { "vm.max_map_count": 262144 } } },
  ],
  kind: { statefulSet: { claims: [{ name: "data", size: "1Gi", mountPath: "/data" }] } },
  authority,
  strategy: { maxSurge: "25%" },
  imageRegistry: { "docker.io": "mirror.example.com/hub" },
  unset: ["replicas"],
});

new pods.InjectedChart("shop", {
  chart: "shop",
  values: { certificate: search.caPem },
  injections: [{ name: "tls", target: { name: "shop" }, patterns: [{ tlsAmbassador: { secretName: "shop-tls" } }] }],
});

const app = { name: "web", image: "web:1" };
// @ts-expect-error a misspelt pattern
new pods.Workload("a", { app, patterns: [{ tlsAmbasador: {} }] });
// @ts-expect-error a misspelt argument
new pods.Workload("b", { app, patterns: [{ tlsAmbassador: { validity: 1 } }] });
// @ts-expect-error a value that is none of its own
new pods.Workload("c", { app, serviceType: "Loadbalancer" });
// @ts-expect-error structure that is known later
new pods.Workload("d", { app: { name: search.serviceName, image: "web:1" } });
// @ts-expect-error no app
new pods.Workload("e", {});
// @ts-expect-error no image
new pods.Workload("f", { app: { name: "web" } });

export const url = search.endpoints.apply((endpoints) => endpoints["http"]);
