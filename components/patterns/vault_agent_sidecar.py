"""VaultAgentSidecar: secrets from HashiCorp Vault, there before the app starts and kept fresh while it runs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from ..core.component import PatternComponent
from ..core.environment import environment
from ..core.patch import PodPatch, sidecar
from ..core.plug import describe
from ..core.rules import Image, Label, Path, Positive, Quantity
from ..core.view import PodView
from .shared.reload import INFORM, ReloadArgs
from .shared.scripts import script
from .shared.vault import DIRECTORY, VaultArgs

_SCRIPT = script(__package__, "vault_agent_sidecar.sh")
# part of the lifetime of a certificate, or of a lease that cannot be renewed, after which the agent gets the next one; its own 0.9 leaves
# little time for an outage of Vault
_RENEWED_AT = 0.67


@dataclass(frozen=True, kw_only=True)
class VaultAgentSidecarArgs(VaultArgs, ReloadArgs):
    """Arguments of VaultAgentSidecar: those of VaultArgs, and those of ReloadArgs, which are optional and notify the app of a change."""

    render_interval_seconds: Positive = 300
    """Seconds between two looks at secrets without a lease, those of KV version 2. A lease is renewed as long as Vault renews it; what
    cannot be renewed is read again, and a certificate is issued again, after two thirds of its time. Vault gives secrets of KV version 1 a
    lease of 32 days, or of their own field `ttl`. Default: 300, the agent's own."""
    mount_path: Path = "/vault/secrets"
    """Where the app finds the files, read-only; they are links, and change all at once. Default: /vault/secrets."""
    volume_name: Label = "vault"
    """Name of the volume, and the start of the names of the three others that the app does not mount. Default: vault."""
    size_limit: Quantity = "2Mi"
    """Size limit of that volume in memory, which holds two sets of files while they change. Default: 2Mi."""
    timeout_seconds: Positive = 120
    """Seconds to wait for Vault at the start before the container fails (and the kubelet starts it again). When there are files, it waits
    without end. Default: 120."""
    image: pulumi.Input[Image] = "hashicorp/vault:1.21.1"
    """Image with `vault` and BusyBox or the GNU core utilities; with wget for a call to the app. Default: hashicorp/vault:1.21.1."""
    container_name: Label = "vault-agent"
    """With classic sidecars an init container of this name and -init renders the files before the app starts. Default: vault-agent."""

    def problems(self) -> list[str]:
        """What is wrong between the fields; an address or role that is an Output is looked at when it is known."""
        return super().problems() + self.reload_argument_problems()

    def agent_config(self, role: str) -> str:
        """Configuration of `vault agent` that logs in by itself and renders without end; paths are relative to the working directory."""
        method = {
            # the JWT method's login has the same form
            "type": "kubernetes",
            "mount_path": f"auth/{self.auth_mount}",
            # of logins, and of reads that fail
            "max_backoff": "30s",
            "config": [{"role": role, "token_path": "identity/token"}],
        }
        config = {
            # never ends: a restart would cost a login, and every lease
            "vault": [{"retry": [{"num_retries": 1_000_000}]}],
            # lists, because HCL reads an object with an object in it as several blocks; for `revoke`, readable by its owner only
            "auto_auth": [
                {"method": [method], "sink": [{"type": "file", "config": [{"path": "home/.vault-token", "mode": 0o600}]}]},
            ],
            "template_config": {
                "static_secret_render_interval": f"{self.render_interval_seconds}s",
                "lease_renewal_threshold": _RENEWED_AT,
            },
            "template": self.templates(leases=True),
        }
        return json.dumps(config, indent=2) + "\n"

    def patch(self, pod: PodView) -> PodPatch:
        """The sidecar with its four volumes, and the mount in the app's container."""
        role: Any = self.known_role(describe(self))
        config = self.agent_config(role) if isinstance(role, str) else pulumi.Output.from_input(role).apply(self.agent_config)
        containers: list[Mapping[str, Any]] = []
        if pod.classic:
            containers.append(self._container(pod, name=f"{self.container_name}-init", once=True))
        running = self._container(pod, name=self.container_name)
        probe = {
            "exec": {"command": ["/bin/sh", "-c", f"test -e {DIRECTORY}/secrets/..data"]},
            "periodSeconds": 1,
            # by then it has failed by itself, with a line that says why
            "failureThreshold": self.timeout_seconds + 30,
        }
        # no readinessProbe: an app with its last files is better than none
        containers.append(sidecar({**running, "startupProbe": probe}))
        return self.volumes({"agent.sh": _SCRIPT, "reload.sh": INFORM, "agent.json": config}) + PodPatch(
            init_containers=tuple(containers),
            # no subPath: it would hold on to the first files
            app_mounts=({"name": self.volume_name, "mountPath": self.mount_path, "readOnly": True},),
            problems=tuple(self.reload_problems(pod)),
        )

    def _container(self, pod: PodView, *, name: str, once: bool = False) -> dict[str, Any]:
        container = self.container(describe(self), pod)
        own = {
            "TOLD": "home/told",
            "RELOAD_TIMEOUT_SECONDS": str(self.reload_timeout_seconds),
            "ONCE": "1" if once else "",
            # the sidecar stops when the app does; and what the init container leased must last until the sidecar has the next
            "REVOKE": "" if pod.classic and (self.may_lease or not once) else "1",
        }
        return {
            **container,
            "name": name,
            # the image's entrypoint changes owners and capabilities, which takes root
            "command": ["/bin/sh", "config/agent.sh", *self.reload_call(pod)],
            "env": [*container["env"], *environment(own)],
            "volumeMounts": [*container["volumeMounts"], *self.volume_mounts],
        }


class VaultAgentSidecar(PatternComponent[VaultAgentSidecarArgs]):
    """A Vault agent beside the app: it writes the files before the app starts, renews its token and its leases, and follows changes.

    The files are in memory and mounted into the app alone; the token is in a volume that the app does not mount. What is written changes
    as a whole. If Vault cannot be reached later, the files stay, the pod stays ready, and the agent goes on trying; if it ends, it is
    started again in its container. When the pod stops, the token and its leases are revoked.

    Files of one secret, and of one certificate, always belong together. Credentials that can be renewed no longer, and certificates, are
    replaced before they end: an app that is notified has the rest of their time to change over, of credentials a tenth of their TTL. They
    are replaced with the token as well, so its role's token_max_ttl should not be shorter than theirs.

    With classic sidecars an init container renders the first files, and the token expires by its TTL, because the app stops at the same
    time. The sidecar then has credentials of its own, and the first ones expire by their TTL.

    Raises ArgumentError.
    """
