"""VaultInit: secrets from HashiCorp Vault, as files in memory that only the app can read, there before it starts."""

import json
from dataclasses import dataclass

from ..core.component import PatternComponent
from ..core.patch import PodPatch
from ..core.plug import describe
from ..core.view import PodView
from .shared.scripts import script
from .shared.vault import VaultArgs

_SCRIPT = script(__package__, "vault_init.sh")


@dataclass(frozen=True, kw_only=True)
class VaultInitArgs(VaultArgs):
    """Arguments of VaultInit: those of VaultArgs."""

    def problems(self) -> list[str]:
        """What is wrong between the fields; an address or role that is an Output is looked at when it is known."""
        leased = [
            f"secrets[{index}]: what Vault gives at path {secret.path!r} is leased, and the lease ends with VaultInit's token, "
            "before the app starts; use VaultAgentSidecar"
            for index, secret in enumerate(self.secrets)
            if secret.is_leased
        ]
        return super().problems() + leased

    def agent_config(self) -> str:
        """Configuration of `vault agent` that renders every file once and ends; paths are relative to the working directory."""
        # retries of a failed read: 250 ms, doubled each time
        config = {
            "exit_after_auth": True,
            "vault": [{"retry": [{"num_retries": 3}]}],
            # lists, because HCL reads an object with an object in it as several blocks
            "auto_auth": [{"method": [{"type": "token_file", "exit_on_err": True, "config": [{"token_file_path": "home/.vault-token"}]}]}],
            "template_config": {"exit_on_retry_failure": True},
            "template": self.templates(leases=False),
        }
        return json.dumps(config, indent=2) + "\n"

    def patch(self, pod: PodView) -> PodPatch:
        """The init container with its four volumes, and the mount in the app's container."""
        # the image's entrypoint changes owners and capabilities, which takes root
        container = {**self.container(describe(self), pod), "command": ["/bin/sh", "config/fetch.sh"]}
        return self.volumes({"fetch.sh": _SCRIPT, "agent.json": self.agent_config()}) + PodPatch(
            init_containers=(container,),
            # the directory that the script puts in place as a whole, private to the app's uid; the volume's root is everybody's
            app_mounts=({"name": self.volume_name, "mountPath": self.mount_path, "subPath": "files", "readOnly": True},),
        )


class VaultInit(PatternComponent[VaultInitArgs]):
    """An init container that logs in to Vault with a token made for that purpose, writes files, and revokes what it got.

    The files are in memory and mounted into the app alone. They are read once: a secret that changes or expires reaches the app
    with its next pod, and a certificate must last as long as the pod does. What Vault leases would end with the token, so that it is
    rejected: credentials of a database, certificates of a role with `generate_lease`. VaultAgentSidecar renews all of them.

    Raises ArgumentError.
    """
