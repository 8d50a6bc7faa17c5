"""pod-patterns: extend a Kubernetes workload by adding containers to its pod."""

from .app import App, LogFiles, Port, Rebind, SecretKey
from .apps import elasticsearch
from .certificates import (
    CertificateAuthority,
    CertificateAuthorityArgs,
    ClientCertificateArgs,
    ExistingCertificate,
    IssuedCertificate,
    SelfSignedCertificate,
    ServerCertificateArgs,
)
from .checks import ArgumentError, ProblemsError
from .log_tail_sidecar import LogTailSidecar, LogTailSidecarArgs
from .metrics_adapter import MetricsAdapter, MetricsAdapterArgs
from .patch import ConfigFiles, Listen, PodPatch, restricted, sidecar
from .pod import CompositionError, Pattern, Pod, compose
from .secrecy import SecretLeakError
from .sysctl_init import SysctlInit, SysctlInitArgs
from .tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from .vault_init import ConfigMapKey, VaultInit, VaultInitArgs, VaultSecret
from .workload import Workload, WorkloadArgs

__all__ = [
    "App",
    "ArgumentError",
    "CertificateAuthority",
    "CertificateAuthorityArgs",
    "ClientCertificateArgs",
    "CompositionError",
    "ConfigFiles",
    "ConfigMapKey",
    "ExistingCertificate",
    "IssuedCertificate",
    "Listen",
    "LogFiles",
    "LogTailSidecar",
    "LogTailSidecarArgs",
    "MetricsAdapter",
    "MetricsAdapterArgs",
    "Pattern",
    "Pod",
    "PodPatch",
    "Port",
    "ProblemsError",
    "Rebind",
    "SecretKey",
    "SecretLeakError",
    "SelfSignedCertificate",
    "ServerCertificateArgs",
    "SysctlInit",
    "SysctlInitArgs",
    "TlsAmbassador",
    "TlsAmbassadorArgs",
    "VaultInit",
    "VaultInitArgs",
    "VaultSecret",
    "Workload",
    "WorkloadArgs",
    "compose",
    "elasticsearch",
    "restricted",
    "sidecar",
]
