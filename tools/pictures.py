"""Writes docs/pictures: every pattern before and after, the article's pod, and how it starts and stops; `--check` fails if one is stale."""

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from components.core.app import App, LogFiles, Port, Rebind
from components.declared import stack, stack_file
from components.declared.kinds import shipped
from components.offline.run import run
from components.picture.picture import Picture
from components.workload import Workload, WorkloadArgs

from .project import PROJECT

PICTURES = PROJECT / "docs" / "pictures"

_PORT = Port(name="http", number=8080, rebind=Rebind(env={"LISTEN": "{host}:{port}"}))
APP = App(
    name="shop",
    image="example/shop:1",
    ports=[_PORT],
    readiness_probe={"httpGet": {"path": "/healthz", "port": "http"}},
    log_files=LogFiles(directory="/var/log/shop", files=["shop.log"]),
)
UNMOVABLE = App(name="shop", image="example/shop:1", ports=[Port(name="http", number=8080)])
"""An app that cannot be told to listen elsewhere."""

_VAULT = {
    "address": "https://vault.vault.svc:8200",
    "role": "shop",
    "secrets": [{"path": "shop/db", "file": "db.json", "format": "json"}],
}


@dataclass(frozen=True, kw_only=True)
class Example:
    """A pattern with the arguments that its picture shows."""

    arguments: Mapping[str, Any]
    """As in a stack file."""
    app: App = APP
    behind: Sequence[Mapping[str, Any]] = ()
    """Patterns that it needs behind it. Default: none."""


EXAMPLES = {
    "ConfigReloadSidecar": Example(arguments={"config_map": "shop-config", "mount_path": "/config", "reload_path": "/-/reload"}),
    "EgressTlsTunnel": Example(
        arguments={
            "targets": [
                {
                    "name": "cache",
                    "host": "cache.example.com",
                    "port": 6380,
                    "local_port": 6379,
                    "scheme": "redis",
                    "env": {"CACHE": "redis://{host}:{port}"},
                }
            ]
        }
    ),
    "FetchInit": Example(
        arguments={"source": "https://models.example.com/shop.tar.gz", "sha256": "0" * 64, "unpack": "tar.gz"},
    ),
    "JwtAmbassador": Example(arguments={"issuer": "https://issuer.example.com", "audience": "shop"}),
    "LogShipperSidecar": Example(arguments={"endpoint": "https://logs.example.com:4318"}),
    "LogTailSidecar": Example(arguments={}),
    "MetricsAdapter": Example(arguments={"exporter": "nginx"}),
    "MigrationInit": Example(
        arguments={"image": "example/shop:1", "command": ["migrate", "up"], "database": "db.prod.svc:5432", "lock": "postgresql"}
    ),
    "RedisCacheSidecar": Example(arguments={}),
    "SysctlInit": Example(arguments={}),
    "TlsAmbassador": Example(arguments={}),
    "TrafficRedirectInit": Example(arguments={}, app=UNMOVABLE, behind=[{"kind": "TlsAmbassador"}]),
    "VaultAgentSidecar": Example(arguments=_VAULT),
    "VaultInit": Example(arguments=_VAULT),
    "WaitForInit": Example(arguments={"tcp": ["db.prod.svc:5432"]}),
}
"""By kind."""


def drawn(app: App, patterns: Sequence[Any] = ()) -> Picture:
    """The picture of a workload."""
    workload: Workload = run(lambda: Workload(app.name, WorkloadArgs(app=app, patterns=patterns))).value
    return workload.picture()


def file_name(kind: str) -> str:
    """The file of a pattern's picture."""
    return re.sub("(?<=[a-z0-9])(?=[A-Z])", "-", kind).lower() + ".svg"


def pictures() -> dict[str, str]:
    """Every picture, by file name."""
    found = {}
    for kind in shipped():
        example = EXAMPLES[kind]
        given = [{"kind": kind, **example.arguments}, *example.behind]
        config = {"app": {"name": "shop", "image": "shop:1"}, "patterns": given}
        args = stack_file.parse(config, kind).patterns
        found[file_name(kind)] = drawn(example.app, args).after(drawn(example.app), f"{kind}: before and after")
    article = PROJECT / "stacks" / "Pulumi.render.yaml"
    settings = stack_file.parse(stack_file.keys(yaml.safe_load(article.read_text(encoding="utf-8"))["config"]), article.name)
    picture = run(lambda: stack.build(settings)).value.picture()
    return {**found, "elasticsearch.svg": picture.svg(), "start-and-stop.svg": picture.timeline()}


def main() -> None:
    """Writes the pictures, or with --check compares them."""
    wanted, there = pictures(), {path.name: path.read_text(encoding="utf-8") for path in PICTURES.glob("*")}
    stale = sorted(name for name in {**wanted, **there} if wanted.get(name) != there.get(name))
    if "--check" in sys.argv[1:]:
        if stale:
            sys.exit(f"docs/pictures: {', '.join(stale)} stale; run `make pictures`")
        return
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name in stale:
        if name in wanted:
            (PICTURES / name).write_text(wanted[name], encoding="utf-8")
        else:
            (PICTURES / name).unlink()


if __name__ == "__main__":
    main()
