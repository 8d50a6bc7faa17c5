"""python -m bench.rendering.one ours|flat|nothing COUNT OBJECTS: one rendering of this package or of a flat Pulumi program, to stdout."""

import json
import sys
from pathlib import Path


def ours(count: int) -> None:
    """Workloads with patterns."""
    from bench.rendering.objects import program
    from components.offline import manifests
    from components.offline.order import ordered
    from components.offline.printing import printed

    for manifest in manifests(lambda: program(count)):
        print(f"---\n{printed(ordered(manifest))}", end="")


def flat(count: int, objects: Path) -> None:
    """The same objects and certificates, each written by itself."""
    import pulumi_kubernetes as kubernetes
    import pulumi_tls as tls

    from components.offline import manifests
    from components.offline.order import ordered
    from components.offline.printing import printed

    text = objects.read_text()
    kinds = {
        "Deployment": kubernetes.apps.v1.Deployment,
        "Service": kubernetes.core.v1.Service,
        "ConfigMap": kubernetes.core.v1.ConfigMap,
    }

    def program() -> None:
        for index in range(count):
            name = f"app-{index}"
            key = tls.PrivateKey(f"{name}-key", algorithm="ECDSA", ecdsa_curve="P256")
            certificate = tls.SelfSignedCert(
                f"{name}-certificate",
                private_key_pem=key.private_key_pem,
                subject={"common_name": name},
                dns_names=[name, f"{name}.default", f"{name}.default.svc"],
                allowed_uses=["digital_signature", "server_auth"],
                validity_period_hours=8760,
                early_renewal_hours=720,
            )
            for number, manifest in enumerate(json.loads(text.replace("app-0", name))):
                kind = manifest.pop("kind")
                manifest.pop("apiVersion")
                if kind == "Secret":
                    data = {"tls.crt": certificate.cert_pem, "tls.key": key.private_key_pem, "ca.crt": certificate.cert_pem}
                    kubernetes.core.v1.Secret(f"{name}-{number}", metadata=manifest["metadata"], type=manifest["type"], string_data=data)
                else:
                    kinds[kind](f"{name}-{number}", **manifest)

    for manifest in manifests(program):
        print(f"---\n{printed(ordered(manifest))}", end="")


if __name__ == "__main__":
    way, number = sys.argv[1], int(sys.argv[2])
    if way == "ours":
        ours(number)
    else:
        flat(number, Path(sys.argv[3]))
