"""pod-patterns: extend a Kubernetes workload by adding containers to its pod."""

from .certificates import (
    Certificate,
    CertificateAuthority,
    CertificateAuthorityArgs,
    ClientCertificateArgs,
    IssuedCertificate,
    SelfSignedCertificate,
    ServerCertificateArgs,
)
from .core.app import App, LogFiles, Port, Rebind, SecretKey
from .core.errors import ArgumentError, CompositionError, ProblemsError, SecretLeakError
from .core.fold import compose
from .core.identity import as_app, restricted
from .core.patch import ConfigFiles, Listen, PodPatch, sidecar
from .core.plug import Adds, Pattern, PatternArgs, Planned, Plans, Wraps
from .core.pod import Pod
from .core.view import BoundPort, Frontend, PodView
from .patterns.config_reload_sidecar import ConfigReloadSidecar, ConfigReloadSidecarArgs
from .patterns.egress_tls_tunnel import EgressTarget, EgressTlsTunnel, EgressTlsTunnelArgs
from .patterns.fetch_init import FetchInit, FetchInitArgs
from .patterns.jwt_ambassador import JwtAmbassador, JwtAmbassadorArgs
from .patterns.log_shipper_sidecar import LogShipperSidecar, LogShipperSidecarArgs
from .patterns.log_tail_sidecar import LogTailSidecar, LogTailSidecarArgs
from .patterns.metrics_adapter import EXPORTERS, Exporter, MetricsAdapter, MetricsAdapterArgs
from .patterns.migration_init import MigrationInit, MigrationInitArgs
from .patterns.redis_cache_sidecar import RedisCacheSidecar, RedisCacheSidecarArgs
from .patterns.shared.vault import ConfigMapKey, VaultSecret
from .patterns.sysctl_init import SysctlInit, SysctlInitArgs
from .patterns.tls_ambassador import TlsAmbassador, TlsAmbassadorArgs
from .patterns.traffic_redirect_init import TrafficRedirectInit, TrafficRedirectInitArgs
from .patterns.vault_agent_sidecar import VaultAgentSidecar, VaultAgentSidecarArgs
from .patterns.vault_init import VaultInit, VaultInitArgs
from .patterns.wait_for_init import WaitForInit, WaitForInitArgs
from .presets.elasticsearch import elasticsearch
from .workload import Workload, WorkloadArgs

__all__ = [
    "EXPORTERS",
    "Adds",
    "App",
    "ArgumentError",
    "BoundPort",
    "Certificate",
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
    "Exporter",
    "FetchInit",
    "FetchInitArgs",
    "Frontend",
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
    "PatternArgs",
    "Planned",
    "Plans",
    "Pod",
    "PodPatch",
    "PodView",
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
    "Wraps",
    "as_app",
    "compose",
    "elasticsearch",
    "restricted",
    "sidecar",
]
