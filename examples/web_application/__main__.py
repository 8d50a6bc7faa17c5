"""A web application with what such a one needs: a migration before it starts, a cache, settings that change, a database behind TLS."""

import pulumi
import pulumi_kubernetes as kubernetes
from pod_patterns import (
    App,
    ConfigReloadSidecarArgs,
    EgressTarget,
    EgressTlsTunnelArgs,
    MigrationInitArgs,
    Port,
    Rebind,
    RedisCacheSidecarArgs,
    SecretKey,
    TlsAmbassadorArgs,
    WaitForInitArgs,
    Workload,
    WorkloadArgs,
)

NAMESPACE, DATABASE = "shop", "db.shop.svc"

# of a name that stays, so that a change is a change of the files in the pod, and no new pod
settings = kubernetes.core.v1.ConfigMap(
    "settings",
    metadata={"name": "shop-settings", "namespace": NAMESPACE},
    data={"banner.json": '{"text": "Free shipping until Sunday"}'},
)

app = App(
    name="shop",
    image="ghcr.io/acme/shop:1.4",
    uid=1000,
    ports=[Port(name="http", number=8080, rebind=Rebind(env={"HOST": "{host}", "PORT": "{port}"}))],
    secret_env={"DATABASE_PASSWORD": SecretKey(name="shop-db", key="password")},
    readiness_probe={"httpGet": {"path": "/ready", "port": "http"}},
)
shop = Workload(
    "shop",
    WorkloadArgs(
        app=app,
        namespace=NAMESPACE,
        replicas=3,
        patterns=[
            # the queue: it is enough that its name resolves
            WaitForInitArgs(dns=[f"queue.{NAMESPACE}.svc.cluster.local"]),
            # replicas that start together migrate one after another
            MigrationInitArgs(
                image="ghcr.io/acme/shop:1.4",
                command=["shop", "migrate"],
                database=f"{DATABASE}:5432",
                env={"PGUSER": "shop", "PGDATABASE": "shop"},
                secret_env={"PGPASSWORD": SecretKey(name="shop-db", key="password")},
                lock="postgresql",
            ),
            # the payment provider takes TLS with a client certificate; the app speaks plain HTTP to 127.0.0.1
            EgressTlsTunnelArgs(
                targets=[
                    EgressTarget(
                        name="payments",
                        host="payments.acme.example",
                        port=443,
                        local_port=8443,
                        client_certificate_secret="shop-payments",
                        env={"PAYMENTS_URL": "http://{host}:{port}"},
                    )
                ]
            ),
            RedisCacheSidecarArgs(maxmemory="64Mi"),
            # POST /-/reload, two seconds after the last change
            ConfigReloadSidecarArgs(config_map=settings.metadata["name"], mount_path="/etc/shop", reload_path="/-/reload"),
            TlsAmbassadorArgs(),
        ],
    ),
)
pulumi.export("url", shop.endpoints["http"])
pulumi.export("ca", shop.ca_pem)
