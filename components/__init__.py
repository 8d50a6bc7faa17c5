"""pod-patterns: extend a Kubernetes workload by adding containers to its pod."""

from .carriers.claim import Claim as Claim
from .carriers.cron_job import CronJob as CronJob
from .carriers.daemon_set import DaemonSet as DaemonSet
from .carriers.deployment import Deployment as Deployment
from .carriers.job import Job as Job
from .carriers.service_args import ServiceArgs as ServiceArgs
from .carriers.stateful_set import StatefulSet as StatefulSet
from .certificates.arguments import (
    CertificateArgs as CertificateArgs,
    CertificateAuthorityArgs as CertificateAuthorityArgs,
    ClientCertificateArgs as ClientCertificateArgs,
    ServerCertificateArgs as ServerCertificateArgs,
)
from .certificates.authority import CertificateAuthority as CertificateAuthority, IssuedCertificate as IssuedCertificate
from .certificates.certificate import Certificate as Certificate, SelfSignedCertificate as SelfSignedCertificate
from .certificates.expiry_rule import (
    CertificateExpiryRule as CertificateExpiryRule,
    CertificateExpiryRuleArgs as CertificateExpiryRuleArgs,
)
from .certificates.trust_bundle import TrustBundle as TrustBundle, TrustBundleArgs as TrustBundleArgs
from .core.app import (
    App as App,
    ConfigMapKey as ConfigMapKey,
    LogFiles as LogFiles,
    Port as Port,
    Rebind as Rebind,
    SecretKey as SecretKey,
)
from .core.errors import (
    ArgumentError as ArgumentError,
    CompositionError as CompositionError,
    ProblemsError as ProblemsError,
    SecretLeakError as SecretLeakError,
)
from .core.fold import compose as compose
from .core.identity import as_app as as_app, restricted as restricted
from .core.monitor import Monitor as Monitor
from .core.patch import (
    ConfigFiles as ConfigFiles,
    Connection as Connection,
    PodPatch as PodPatch,
    UndeclaredPort as UndeclaredPort,
    sidecar as sidecar,
)
from .core.plug import Adds as Adds, Pattern as Pattern, PatternArgs as PatternArgs, Planned as Planned, Plans as Plans, Wraps as Wraps
from .core.pod import Pod as Pod
from .core.rollout import RollingUpdate as RollingUpdate
from .core.view import BoundPort as BoundPort, Frontend as Frontend, PodView as PodView
from .injection.extend import extend as extend
from .injection.injection import Injection as Injection, InjectionError as InjectionError
from .injection.manifests import inject as inject
from .injection.target import Target as Target
from .network.peer import Peer as Peer
from .network.policy import NetworkPolicyArgs as NetworkPolicyArgs
from .patterns.config_reload_sidecar import ConfigReloadSidecar as ConfigReloadSidecar, ConfigReloadSidecarArgs as ConfigReloadSidecarArgs
from .patterns.egress_tls_tunnel import (
    EgressTarget as EgressTarget,
    EgressTlsTunnel as EgressTlsTunnel,
    EgressTlsTunnelArgs as EgressTlsTunnelArgs,
)
from .patterns.fetch_init import FetchInit as FetchInit, FetchInitArgs as FetchInitArgs
from .patterns.jwt_ambassador import JwtAmbassador as JwtAmbassador, JwtAmbassadorArgs as JwtAmbassadorArgs
from .patterns.log_shipper_sidecar import LogShipperSidecar as LogShipperSidecar, LogShipperSidecarArgs as LogShipperSidecarArgs
from .patterns.log_tail_sidecar import LogTailSidecar as LogTailSidecar, LogTailSidecarArgs as LogTailSidecarArgs
from .patterns.metrics_adapter import (
    MetricsAdapter as MetricsAdapter,
    MetricsAdapterArgs as MetricsAdapterArgs,
)
from .patterns.migration_init import MigrationInit as MigrationInit, MigrationInitArgs as MigrationInitArgs
from .patterns.redis_cache_sidecar import RedisCacheSidecar as RedisCacheSidecar, RedisCacheSidecarArgs as RedisCacheSidecarArgs
from .patterns.shared.ambassador import AmbassadorArgs as AmbassadorArgs
from .patterns.shared.app_logs import AppLogsArgs as AppLogsArgs
from .patterns.shared.connections import ConnectionsArgs as ConnectionsArgs
from .patterns.shared.exporters import EXPORTERS as EXPORTERS, Exporter as Exporter
from .patterns.shared.mutual_tls import MutualTlsArgs as MutualTlsArgs
from .patterns.shared.oauth2_proxy import ValidatorArgs as ValidatorArgs
from .patterns.shared.reload import ReloadArgs as ReloadArgs
from .patterns.shared.session_store import SessionStore as SessionStore
from .patterns.shared.vault import VaultArgs as VaultArgs
from .patterns.shared.vault_certificate import VaultCertificate as VaultCertificate
from .patterns.shared.vault_secret import VaultSecret as VaultSecret
from .patterns.sysctl_init import SysctlInit as SysctlInit, SysctlInitArgs as SysctlInitArgs
from .patterns.tls_ambassador import TlsAmbassador as TlsAmbassador, TlsAmbassadorArgs as TlsAmbassadorArgs
from .patterns.traffic_redirect_init import TrafficRedirectInit as TrafficRedirectInit, TrafficRedirectInitArgs as TrafficRedirectInitArgs
from .patterns.vault_agent_sidecar import VaultAgentSidecar as VaultAgentSidecar, VaultAgentSidecarArgs as VaultAgentSidecarArgs
from .patterns.vault_init import VaultInit as VaultInit, VaultInitArgs as VaultInitArgs
from .patterns.wait_for_init import WaitForInit as WaitForInit, WaitForInitArgs as WaitForInitArgs
from .picture.explanation import explain as explain
from .picture.picture import Picture as Picture, picture as picture
from .presets.elasticsearch import elasticsearch as elasticsearch
from .presets.elasticsearch_cluster import elasticsearch_cluster as elasticsearch_cluster
from .workload.arguments import WorkloadArgs as WorkloadArgs
from .workload.workload import Workload as Workload
