"""The stack file of this stack, from Pulumi's configuration."""

import pulumi
from pulumi.runtime import config as pulumi_config

from components.declared.stack_file import Settings, decoded, parse


def read() -> Settings:
    """The settings of this stack, from Pulumi's configuration. Raises SettingsError with everything that is wrong."""
    prefix = f"{pulumi.get_project()}:"
    keys = [key for key in {**pulumi_config.get_config_env(), **pulumi_config.CONFIG.get()} if key.startswith(prefix)]
    secrets = [k.removeprefix(prefix) for k in keys if pulumi_config.is_config_secret(k) or k in pulumi_config.get_config_secret_keys_env()]
    given = {k.removeprefix(prefix): decoded(pulumi_config.get_config(k)) for k in keys}
    return parse(given, f"stacks/Pulumi.{pulumi.get_stack()}.yaml", secrets)
