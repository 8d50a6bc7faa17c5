"""What VaultInit and VaultAgentSidecar share: how they reach Vault, the files they make of it, and the shell that tells why they cannot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import pulumi

from ...core import checks
from ...core.app import ConfigMapKey, SecretKey
from ...core.environment import environment
from ...core.identity import as_app
from ...core.patch import ConfigFiles, Connection, PodPatch
from ...core.plug import PatternArgs
from ...core.quantities import sized, times
from ...core.rules import DnsName, Image, Label, ObjectName, Path, Pem, Positive, Quantity, Resources, Text
from ...core.view import PodView
from .scripts import script
from .vault_certificate import VaultCertificate
from .vault_read import API, Role, VaultPath, merged, role_problems, vault_path
from .vault_secret import VaultSecret


@checks.outlined(vault_path.pattern)
def _auth_mount_problems(what: str, mount: str) -> list[str]:
    if vault_path(what, mount):
        return vault_path(what, mount)
    right = mount.removeprefix(API).removeprefix("auth/").removesuffix("/login")
    return [] if mount == right else [f"{what} {mount!r} is not allowed: auth/ and /login are added; write {what}={right!r}"]


AuthMount = Annotated[str, _auth_mount_problems]
Audience = Annotated[str, checks.shaped("[A-Za-z0-9._:/@+-]+", "letters, digits and ._:/@+-")]
TokenSeconds = Annotated[int, checks.whole(600)]

DIRECTORY = "/vault"
"""Working directory of the containers; their scripts and the agent's configuration only know paths below it."""

_LIBRARY = script(__package__, "vault.sh")


@dataclass(frozen=True, kw_only=True)
class VaultArgs(PatternArgs):
    """Arguments of both Vault patterns."""

    address: pulumi.Input[Text]
    """URL of Vault, e.g. https://vault.vault.svc:8200."""
    role: pulumi.Input[Role]
    """Role of the auth method, which decides what the pod's service account may read. Its policy needs `read` on each secret,
    `update` on a certificate's issue/<role>, and the default policy (or auth/token/lookup-self, renew-self and revoke-self)."""
    secrets: Sequence[VaultSecret] = ()
    """Files, one each. At least one secret or certificate is required. Default: none."""
    certificates: Sequence[VaultCertificate] = ()
    """Certificates that Vault issues for the pod, three files each. Default: none."""
    auth_mount: AuthMount = "kubernetes"
    """Mount of the Kubernetes (or JWT) auth method, below auth/. Default: kubernetes."""
    audience: Audience = "vault"
    """Audience of the pod's token, the role's `audience`. Default: vault."""
    token_expiration_seconds: TokenSeconds = 600
    """Lifetime of that token in seconds, 600 or more, which is Kubernetes' minimum. Default: 600."""
    vault_namespace: VaultPath | None = None
    """Vault Enterprise namespace. Default: None."""
    ca_pem: pulumi.Input[Pem] | None = None
    """Certificate of the authority that signed Vault's, PEM; no secret. Default: None, the authorities that the image trusts."""
    ca_secret: SecretKey | None = None
    """The same, from a Secret. Default: None."""
    ca_config_map: ConfigMapKey | None = None
    """The same, from a ConfigMap. Default: None."""
    tls_server_name: DnsName | None = None
    """Name to expect in Vault's certificate in place of the address' host. Default: None."""
    allow_plaintext: bool = False
    """Whether a http:// address other than loopback is accepted: whoever can read the network reads the secrets. Default: False."""
    service_account: pulumi.Input[ObjectName] | None = None
    """The pod's service account. Default: None, the namespace's `default`, or what another pattern sets."""
    mount_path: Path = "/vault/secrets"
    """Where the app finds the files, read-only. Default: /vault/secrets, as with Vault's own injector."""
    volume_name: Label = "secrets"
    """Name of the volume, and the start of the names of the three others that the app does not mount. Default: secrets."""
    size_limit: Quantity = "1Mi"
    """Size limit of that volume in memory. Default: 1Mi."""
    timeout_seconds: Positive = 120
    """Seconds to wait for Vault, reading included, before the container fails (and the kubelet starts it again). Default: 120."""
    image: pulumi.Input[Image] = "hashicorp/vault:1.21.1"
    """Image with `vault`, a POSIX shell, base64, od, sed and timeout. Default: hashicorp/vault:1.21.1."""
    container_name: Label = "get-secret"
    """Default: get-secret."""
    resources: Resources = sized("50m", "128Mi", "384Mi")
    """Requests and limits; the vault program is large. Default: 50m, 128Mi to 384Mi."""

    def address_problems(self, address: str) -> list[str]:
        """What is wrong with an address."""
        return checks.url("address", address, plaintext=self.allow_plaintext, risk="the network reads the secrets", bare=True)

    def problems(self) -> list[str]:
        """What is wrong between the fields; an address or role that is an Output is looked at when it is known."""
        found = self.address_problems(self.address) if isinstance(self.address, str) else []
        if [self.ca_pem, self.ca_secret, self.ca_config_map].count(None) < 2:
            found.append("set at most one of ca_pem, ca_secret and ca_config_map")
        files = self.files
        if not files:
            found.append("secrets is empty; name at least one VaultSecret, or a VaultCertificate in certificates=")
        return found + [f"secret file {f!r} is set twice; give each a name of its own" for f in dict.fromkeys(files) if files.count(f) > 1]

    @property
    def sources(self) -> list[VaultSecret | VaultCertificate]:
        """All that files are made of."""
        return [*self.secrets, *self.certificates]

    @property
    def files(self) -> list[str]:
        """The names of the files."""
        return [file for source in self.sources for file in source.files]

    @property
    def may_lease(self) -> bool:
        """Whether an answer may have a lease: those of KV engines never do."""
        return bool(self.certificates) or any(secret.kv_version is None for secret in self.secrets)

    def templates(self, *, leases: bool) -> list[dict[str, Any]]:
        """The agent's templates, one for each request to Vault; paths are relative to the working directory. leases: see `VaultRead`."""
        reads = merged([source.read() for source in self.sources])
        return [
            {
                "contents": read.contents(leases=leases),
                "destination": f"home/rendered/read-{index}",
                "perms": "0600",
                "error_on_missing_key": True,
            }
            for index, read in enumerate(reads)
        ]

    def container(self, where: str, pod: PodView) -> dict[str, Any]:
        """The container without its command: the environment and mounts of both patterns. `where`: who it is, for messages."""
        env: dict[str, pulumi.Input[str] | None] = {
            "VAULT_ADDR": checks.when_known(where, self.address, self.address_problems),
            "VAULT_NAMESPACE": self.vault_namespace,
            "VAULT_CACERT": self._ca_file(),
            "VAULT_TLS_SERVER_NAME": self.tls_server_name,
            "ROLE": self.known_role(where),
            "AUTH_MOUNT": self.auth_mount,
            "TIMEOUT_SECONDS": str(self.timeout_seconds),
            "FILES": " ".join(self.files),
            "MOUNT_PATH": self.mount_path.rstrip("/"),
            # a group that may read a file has to get at it, too
            "DIRECTORY_MODE": "0750" if any(source.mode == "0440" for source in self.sources) else "0700",
            "COMPONENT": where,
        }
        return {
            "name": self.container_name,
            "image": self.image,
            "workingDir": DIRECTORY,
            "env": environment({name: value for name, value in env.items() if value is not None}),
            "volumeMounts": [
                {"name": f"{self.volume_name}-config", "mountPath": f"{DIRECTORY}/config", "readOnly": True},
                {"name": f"{self.volume_name}-identity", "mountPath": f"{DIRECTORY}/identity", "readOnly": True},
                {"name": f"{self.volume_name}-home", "mountPath": f"{DIRECTORY}/home"},
                {"name": self.volume_name, "mountPath": f"{DIRECTORY}/secrets"},
                *({"name": v["name"], "mountPath": f"{DIRECTORY}/ca", "readOnly": True} for v in self._ca_volume()),
            ],
            "resources": self.resources,
            "securityContext": as_app(pod),
        }

    def volumes(self, files: Mapping[str, pulumi.Input[str]]) -> PodPatch:
        """The volumes of that container; `files` are its script and configuration. And the pod's service account."""
        token = {"audience": self.audience, "expirationSeconds": self.token_expiration_seconds, "path": "token"}
        return PodPatch(
            volumes=(
                {"name": self.volume_name, "emptyDir": {"medium": "Memory", "sizeLimit": self.size_limit}},
                # what the agent renders is base64, and there twice while it changes
                {"name": f"{self.volume_name}-home", "emptyDir": {"medium": "Memory", "sizeLimit": times(self.size_limit, 4)}},
                {"name": f"{self.volume_name}-identity", "projected": {"sources": [{"serviceAccountToken": token}]}},
                *self._ca_volume(),
            ),
            config_files=(
                ConfigFiles(
                    name=f"{self.volume_name}-config",
                    files={"vault.sh": _LIBRARY, **files, **({} if self.ca_pem is None else {"ca.crt": self.ca_pem})},
                ),
            ),
            service_account=() if self.service_account is None else (self.service_account,),
            connects=(Connection(address=self.address, awaited="answer"),),
        )

    def known_role(self, where: str) -> pulumi.Input[str]:
        """The role; one that is an Output is looked at when it is known."""
        return checks.when_known(where, self.role, lambda role: role_problems("role", role))

    def _ca_file(self) -> str | None:
        if self.ca_pem is not None:
            return "config/ca.crt"
        source = self.ca_secret or self.ca_config_map
        return None if source is None else f"ca/{source.key}"

    def _ca_volume(self) -> list[dict[str, Any]]:
        name = f"{self.volume_name}-ca"
        if self.ca_secret is not None:
            return [{"name": name, "secret": {"secretName": self.ca_secret.name}}]
        if self.ca_config_map is not None:
            return [{"name": name, "configMap": {"name": self.ca_config_map.name}}]
        return []
