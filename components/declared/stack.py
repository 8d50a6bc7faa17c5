"""What a stack file asks for, built."""

from dataclasses import replace
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from ..certificates import CertificateAuthority
from ..kubernetes_object import KubernetesObject
from ..workload import Workload
from . import demo_vault
from .stack_file import LEVELS, Settings, SettingsError


def build(settings: Settings) -> Workload:
    """Creates everything the settings ask for, and returns the workload. Raises ArgumentError, CompositionError and SettingsError."""
    file, workload = settings.file, settings.workload
    opts = pulumi.ResourceOptions()
    if file.render is not None:
        opts.provider = kubernetes.Provider(
            "render", render_yaml_to_directory=file.render, **({"always_render": True} if file.always_render else {})
        )
    if file.create_namespace is not None:
        labels = {"pod-security.kubernetes.io/enforce": file.create_namespace}
        namespace = KubernetesObject(
            "namespace", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": workload.namespace, "labels": labels}}, opts
        )
        opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[namespace]))
    name = workload.app.name
    authority = None if file.authority is None else CertificateAuthority(f"{name}-ca", file.authority, opts)
    clients = {
        client.common_name: authority.issue_client(
            f"{name}-client-{client.common_name}", replace(client, namespace=workload.namespace), opts
        )
        for client in file.client_certificates
        if authority is not None
    }
    if clients:
        pulumi.export("client_certificates", {name: certificate.secret_name for name, certificate in clients.items()})
    patterns = _with_demo_vault(settings, opts)
    built = Workload(name, replace(workload, patterns=patterns, authority=authority), opts)
    level = built.pod.security_level
    if file.create_namespace is not None and LEVELS.index(level) < LEVELS.index(file.create_namespace):
        raise SettingsError(
            f"workload {name!r}",
            [f"create_namespace: {file.create_namespace} admits none of its pods, which are {level}; set that, or leave out what is not"],
        )
    return built


def _with_demo_vault(settings: Settings, opts: pulumi.ResourceOptions) -> list[Any]:
    """The patterns; those that name no Vault get the one for demonstration."""
    patterns: list[Any] = list(settings.patterns)
    for args in demo_vault.wanted(patterns, settings.workload.namespace):
        vault = demo_vault.DemoVault(f"{settings.workload.app.name}-demo-vault", args, opts)
        real = {"address": vault.address, "ca_pem": vault.ca_pem}
        patterns = [replace(p, **real) if getattr(p, "address", None) == demo_vault.ADDRESS else p for p in patterns]
    return patterns
