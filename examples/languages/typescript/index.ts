import * as pulumi from "@pulumi/pulumi";
import * as podPatterns from "pod-patterns";

const config = new pulumi.Config();

const authority = new podPatterns.CertificateAuthority("authority", { commonName: "podinfo CA" });

// how podinfo is told to listen behind the ambassador
const port = { name: "http", number: 9898, rebind: { env: { PODINFO_HOST: "{host}", PODINFO_PORT: "{port}" } } };

const podinfo = new podPatterns.Workload("podinfo", {
    app: {
        name: "podinfo",
        // contents may be outputs, and be known later
        image: pulumi.interpolate`ghcr.io/stefanprodan/podinfo:${config.get("tag") ?? "6.14.1"}`,
        uid: 100,
        gid: 101,
        ports: [port],
        readinessProbe: { httpGet: { path: "/readyz", port: "http" }, periodSeconds: 5 },
    },
    replicas: 2,
    authority,
    // in the order in which they start; each item has exactly one property
    patterns: [
        { waitForInit: { dns: ["kubernetes.default.svc.cluster.local"] } },
        { tlsAmbassador: { validityHours: 2160 } }, // 90 days
    ],
});

// a workload that somebody else wrote: it stays as it is, and gets TLS in front of its port
const manifest = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "frontend", namespace: "default" },
    spec: {
        selector: { matchLabels: { app: "frontend" } },
        template: {
            metadata: { labels: { app: "frontend" } },
            spec: {
                containers: [
                    {
                        name: "frontend",
                        image: "ghcr.io/stefanprodan/podinfo:6.14.1",
                        ports: [{ name: "http", containerPort: 9898 }],
                    },
                ],
            },
        },
    },
};
const frontend = new podPatterns.InjectedYaml("frontend", {
    objs: [manifest],
    authority,
    injections: [
        {
            name: "frontend",
            target: { name: "frontend", kind: "Deployment", namespace: "default", uid: 100, ports: [port] },
            patterns: [{ tlsAmbassador: {} }],
        },
    ],
});

export const url = podinfo.endpoints.apply((endpoints) => endpoints["http"]);
export const ca = authority.trustBundlePem;
export const summary = podinfo.summary;
export const injected = frontend.workloads;
