"""python -m bench.rendering.flat COUNT OBJECTS: the same objects and certificates, written flat in a Pulumi program, to stdout."""

import json
import sys
from pathlib import Path

import pulumi_kubernetes as kubernetes
import pulumi_tls as tls

from components.offline import manifests
from components.offline.order import ordered
from components.offline.printing import stream

KINDS = {
    "Deployment": kubernetes.apps.v1.Deployment,
    "Service": kubernetes.core.v1.Service,
    "ConfigMap": kubernetes.core.v1.ConfigMap,
}


def workload(name: str, objects: list[dict[str, object]]) -> None:
    """The objects of one."""
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
    data = {"tls.crt": certificate.cert_pem, "tls.key": key.private_key_pem, "ca.crt": certificate.cert_pem}
    for number, manifest in enumerate(objects):
        kind = str(manifest.pop("kind"))
        manifest.pop("apiVersion")
        if kind == "Secret":
            kubernetes.core.v1.Secret(f"{name}-{number}", metadata=manifest["metadata"], type=manifest["type"], string_data=data)
        else:
            KINDS[kind](f"{name}-{number}", **manifest)


def main() -> None:
    """Renders them."""
    count, text = int(sys.argv[1]), Path(sys.argv[2]).read_text()

    def program() -> None:
        for index in range(count):
            workload(f"app-{index}", json.loads(text.replace("app-0", f"app-{index}")))

    print(stream(map(ordered, manifests(program))), end="")


if __name__ == "__main__":
    main()
