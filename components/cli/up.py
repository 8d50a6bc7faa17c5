"""pod-patterns up: deploys a stack, and says in the end what stands there and what to try next."""

import argparse
import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pulumi
import yaml

from ..declared.stack_file import PREFIX
from . import command, engine as engines, pods, program, project, stack as stacks
from .engine import Engine, NoCliError
from .stack import Stack, shown

_EXAMPLES = """\
examples:
  pod-patterns up dev      the stack of Pulumi.dev.yaml, to the cluster of the current kube context
  pod-patterns up render   a stack whose file has pod-patterns:render, as manifests

exit status:
  0  done
  1  the pods cannot start; their events and last log lines are on stderr
  2  something is wrong; all of it is on stderr, and nothing was deployed
  otherwise that of the Pulumi CLI
"""

POLL_SECONDS = 3
INTERRUPT_SECONDS = 120
"""How long Pulumi may take to note what it has done after an interrupt, before it gets another."""


def add_to(commands: Any) -> None:
    """Adds the command to the parser's."""
    parser = command.add(
        commands,
        "up",
        help="deploy a stack",
        description="Deploys a stack of the project here with Pulumi, and prints what stands there. The CLI is installed\n"
        "if need be. State is kept in .state unless you are logged in. A stack that renders needs no CLI.",
        epilog=_EXAMPLES,
    )
    command.add_stack(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status. Raises pulumi.RunError."""
    stack = stacks.of(project.find(), arguments.stack)
    try:
        engine = engines.find(stack.project)
    except NoCliError as error:
        if stack.rendered_to is None:
            way_out = f"install it, or write manifests without it: pod-patterns render {stack.name}"
            raise pulumi.RunError(f"stack {stack.name!r} needs the Pulumi CLI: {error}; {way_out}") from None
        print(f"Rendering offline: {error}.")
        return _offline(stack, stack.rendered_to)
    engine.select(stack.name)
    return _up(engine, stack)


def _offline(stack: Stack, directory: Path) -> int:
    rendering = program.rendered(stack, directory)
    for path in rendering.files:
        print(f"  {'wrote' if path in rendering.written else 'kept '} {shown(path)}")
    for path in rendering.removed:
        print(f"  removed {shown(path)}")
    _finish(stack, rendering.recording.exports)
    return 0


def _up(engine: Engine, stack: Stack) -> int:
    # the provider names its files otherwise: every object would be there twice
    program.remove(stack)
    if _files_are_lost(engine, stack):
        print("Manifests are missing; all of them are written again.")
        _write_again(engine, stack)
    diagnosis = _diagnosis(stack)
    # what a program exports is its own affair
    quiet = ("--suppress-outputs",) if stack.settings else ()
    process = engine.popen("up", "--yes", "--stack", stack.name, *quiet)
    reason = _wait(process, diagnosis)
    if reason:
        print(f"\nThe pods cannot start; gave up waiting.\n{reason}", file=sys.stderr)
        return 1
    if process.returncode == 0 and stack.settings:
        _finish(stack, json.loads(engine.output("stack", "output", "--json", "--stack", stack.name)))
    return process.returncode


def _files_are_lost(engine: Engine, stack: Stack) -> bool:
    """Whether a manifest that the state knows is gone: the engine compares states, not files, and would not write it again."""
    if stack.rendered_to is None:
        return False
    state = json.loads(engine.output("stack", "export", "--stack", stack.name))
    outputs = [
        r.get("outputs") or {} for r in (state.get("deployment") or {}).get("resources") or () if r["type"].startswith("kubernetes:")
    ]
    return not all((stack.rendered_to / _rendered_name(o)).exists() for o in outputs if "metadata" in o)


def _write_again(engine: Engine, stack: Stack) -> None:
    """One update with `always_render`, from a copy of the stack file; the update after it turns that off again.

    Replacing the objects (`--replace`) would not do: the engine creates first and then deletes, which for an object of the same name is
    the same file.
    """
    document = yaml.safe_load(stack.path.read_text(encoding="utf-8"))
    document["config"][f"{PREFIX}always_render"] = True
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as copy:
        yaml.safe_dump(document, copy)
        copy.flush()
        engine.output("up", "--yes", "--skip-preview", "--stack", stack.name, "--config-file", copy.name)


def _rendered_name(manifest: Mapping[str, Any]) -> str:
    """Where the provider's render mode puts a manifest."""
    version, kind, metadata = manifest["apiVersion"], manifest["kind"], manifest["metadata"]
    folder = "0-crd" if kind == "CustomResourceDefinition" else "1-manifest"
    name = f"{version.replace('/', '_')}-{kind.lower()}-{metadata.get('namespace') or 'default'}-{metadata['name']}"
    return f"{folder}/{name}.yaml"


def _diagnosis(stack: Stack) -> Callable[[], str | None]:
    """Looks for pods of a rollout that begins after this; they say why they cannot start, None while there is hope."""
    if stack.settings is None or stack.rendered_to is not None or not shutil.which("kubectl"):
        return lambda: None
    workload = stack.settings.workload
    where = (str(workload.namespace), f"app.kubernetes.io/instance={workload.app.name}")
    return partial(pods.diagnosis, *where, later_than=pods.newest_revision(*where))


def _wait(process: "subprocess.Popen[bytes]", diagnosis: Callable[[], str | None]) -> str | None:
    """Waits for Pulumi to end; if pods cannot start meanwhile, ends it and returns why."""
    while True:
        try:
            process.wait(timeout=POLL_SECONDS)
            return None
        except subprocess.TimeoutExpired:
            reason = diagnosis()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            continue
        if reason:
            _interrupt(process)
            return reason


def _interrupt(process: "subprocess.Popen[bytes]") -> None:
    # Pulumi tells the provider and notes how far it came: the next `up` waits again for what was created, and repeats an update
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=INTERRUPT_SECONDS)
    except subprocess.TimeoutExpired:
        process.terminate()
        process.wait()


def _finish(stack: Stack, outputs: Mapping[str, Any]) -> None:
    print(f"\n{outputs.get('summary', '')}\n")
    for name, url in sorted((outputs.get("endpoints") or {}).items()):
        print(f"  {name:16} {url}")
    if outputs.get("certificate_expires_at"):
        print(f"  certificate until {outputs['certificate_expires_at']}; the next `up` renews it when it is due")
    if outputs.get("plaintext_ports"):
        print(f"  unencrypted ports: {', '.join(str(int(p)) for p in outputs['plaintext_ports'])}")
    for number, paths in (outputs.get("health_ports") or {}).items():
        print(f"  health port {number}: {', '.join(paths)}")
    if outputs.get("ca_pem") and not stack.rendered_to:
        stack.ca_file.parent.mkdir(exist_ok=True)
        stack.ca_file.write_text(outputs["ca_pem"], encoding="utf-8")
    print(f"\nNext: {_next(stack, outputs)}")


def _next(stack: Stack, outputs: Mapping[str, Any]) -> str:
    if stack.rendered_to:
        return f"kubectl apply --dry-run=server -R -f {shown(stack.rendered_to)}"
    assert stack.settings
    workload, service = stack.settings.workload, outputs.get("service_name")
    url = next(iter((outputs.get("endpoints") or {}).values()), None)
    if url is None or not service:
        return f"kubectl -n {workload.namespace} get pods"
    port = url.rpartition(":")[2]
    verify = f"--cacert {shown(stack.ca_file)} " if outputs.get("ca_pem") else ""
    forward = f"kubectl -n {workload.namespace} port-forward service/{service} {port} &"
    if any(p.rebind and p.rebind.keeps_number and str(p.number) == port for p in workload.app.ports):
        # it is forwarded to the pod's loopback, where the app itself has that number
        return f"{forward} sleep 2; curl http://localhost:{port} # the app itself; through the Service it is {url}"
    return f"{forward} sleep 2; curl {verify}{url.partition(':')[0]}://localhost:{port}"
