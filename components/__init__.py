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
from .config_reload_sidecar import ConfigReloadSidecar, ConfigReloadSidecarArgs
from .egress_tls_tunnel import EgressTarget, EgressTlsTunnel, EgressTlsTunnelArgs
from .fetch_init import FetchInit, FetchInitArgs
from .jwt_ambassador import JwtAmbassador, JwtAmbassadorArgs
from .log_shipper_sidecar import LogShipperSidecar, LogShipperSidecarArgs
from .log_tail_sidecar import LogTailSidecar, LogTailSidecarArgs
from .metrics_adapter import EXPORTERS, Exporter, MetricsAdapter, MetricsAdapterArgs
from .migration_init import MigrationInit, MigrationInitArgs
from .patch import ConfigFiles, Listen, PodPatch, restricted, sidecar
from .pod import CompositionError, Pattern, Pod, compose
from .redis_cache_sidecar import RedisCacheSidecar, RedisCacheSidecarArgs
from .secrecy import SecretLeakError
from .sysctl_init import SysctlInit, SysctlInitArgs
from .tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from .traffic_redirect_init import TrafficRedirectInit, TrafficRedirectInitArgs
from .vault import ConfigMapKey, VaultSecret
from .vault_agent_sidecar import VaultAgentSidecar, VaultAgentSidecarArgs
from .vault_init import VaultInit, VaultInitArgs
from .wait_for_init import WaitForInit, WaitForInitArgs
from .workload import Workload, WorkloadArgs

__all__ = [
    "EXPORTERS",
    "App",
    "ArgumentError",
    "CertificateAuthority",
    "CertificateAuthorityArgs",
    "ClientCertificateArgs",
    "CompositionError",
    "ConfigFiles",
    "ConfigMapKey",
    "ConfigReloadSidecar",
    "ConfigReloadSidecarArgs",
    "EgressTarget",
    "EgressTlsTunnel",
    "EgressTlsTunnelArgs",
    "ExistingCertificate",
    "Exporter",
    "FetchInit",
    "FetchInitArgs",
    "IssuedCertificate",
    "JwtAmbassador",
    "JwtAmbassadorArgs",
    "Listen",
    "LogFiles",
    "LogShipperSidecar",
    "LogShipperSidecarArgs",
    "LogTailSidecar",
    "LogTailSidecarArgs",
    "MetricsAdapter",
    "MetricsAdapterArgs",
    "MigrationInit",
    "MigrationInitArgs",
    "Pattern",
    "Pod",
    "PodPatch",
    "Port",
    "ProblemsError",
    "Rebind",
    "RedisCacheSidecar",
    "RedisCacheSidecarArgs",
    "SecretKey",
    "SecretLeakError",
    "SelfSignedCertificate",
    "ServerCertificateArgs",
    "SysctlInit",
    "SysctlInitArgs",
    "TlsAmbassador",
    "TlsAmbassadorArgs",
    "TrafficRedirectInit",
    "TrafficRedirectInitArgs",
    "VaultAgentSidecar",
    "VaultAgentSidecarArgs",
    "VaultInit",
    "VaultInitArgs",
    "VaultSecret",
    "WaitForInit",
    "WaitForInitArgs",
    "Workload",
    "WorkloadArgs",
    "compose",
    "elasticsearch",
    "restricted",
    "sidecar",
]
