"""`make up`: deploys a stack, and says in the end what stands there and what to try next."""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
import yaml

from . import pods
from .engine import PROJECT, Engine, NoCliError, find
from .render import remove_offline, render_offline
from .stack import NAME, Stack, load

POLL_SECONDS = 3
INTERRUPT_SECONDS = 120
"""How long Pulumi may take to note what it has done after an interrupt, before it is told again."""


def main() -> int:
    """Deploys the stack named on the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make up", description=__doc__)
    parser.add_argument("stack", help="name of a file stacks/Pulumi.<name>.yaml")
    parser.add_argument("--preview", action="store_true", help="only show what would change")
    arguments = parser.parse_args()
    stack = load(arguments.stack)
    try:
        engine = find()
    except NoCliError as error:
        if stack.rendered_to is None:
            print(f"error: stack {stack.name!r} needs the Pulumi CLI: {error}; install it, or try `make up STACK=render`", file=sys.stderr)
            return 1
        print(f"Rendering offline: {error}.")
        return _offline(stack, stack.rendered_to, preview=arguments.preview)
    if arguments.preview:
        _select(engine, stack)
        return engine.popen("preview", "--stack", stack.name, "--diff").wait()
    return _up(engine, stack)


def _offline(stack: Stack, directory: Path, *, preview: bool) -> int:
    if preview:
        print("error: a preview needs the Pulumi CLI", file=sys.stderr)
        return 1
    try:
        rendering = render_offline(stack, directory)
    except pulumi.RunError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for path in rendering.files:
        print(f"  {'wrote' if path in rendering.written else 'kept '} {path.relative_to(PROJECT)}")
    for path in rendering.removed:
        print(f"  removed {path.relative_to(PROJECT)}")
    _finish(stack, rendering.recording.exports)
    return 0


def _select(engine: Engine, stack: Stack) -> None:
    if not engine.succeeds("stack", "select", "--stack", stack.name):
        engine.output("stack", "init", "--stack", stack.name)


def _up(engine: Engine, stack: Stack) -> int:
    try:
        _select(engine, stack)
        if stack.rendered_to is not None:
            # the provider names its files otherwise: every object would be there twice
            remove_offline(stack, stack.rendered_to)
        if _files_are_lost(engine, stack):
            print("Manifests are missing; all of them are written again.")
            _write_again(engine, stack)
    except pulumi.RunError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"error: {(error.stderr or error.stdout or str(error)).strip()}", file=sys.stderr)
        return 1
    watch = _Watch(stack)
    process = engine.popen("up", "--yes", "--stack", stack.name, "--suppress-outputs")
    reason = _wait(process, watch)
    if reason:
        print(f"\nThe pods cannot start; gave up waiting.\n{reason}", file=sys.stderr)
        return 1
    if process.returncode == 0:
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
    document["config"][f"{NAME}:always_render"] = True
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


class _Watch:
    """Looks for pods of a rollout that begins after this was made."""

    def __init__(self, stack: Stack) -> None:
        workload = stack.settings.workload
        self._where = (str(workload.namespace), f"app.kubernetes.io/instance={workload.app.name}")
        self._able = stack.rendered_to is None and pods.available()
        self._earlier = pods.newest_revision(*self._where) if self._able else 0

    def diagnosis(self) -> str | None:
        return pods.diagnosis(*self._where, later_than=self._earlier) if self._able else None


def _wait(process: "subprocess.Popen[bytes]", watch: _Watch) -> str | None:
    """Waits for Pulumi to end; if pods cannot start meanwhile, ends it and returns why."""
    while True:
        try:
            process.wait(timeout=POLL_SECONDS)
            return None
        except subprocess.TimeoutExpired:
            pass
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            continue
        reason = watch.diagnosis()
        if reason:
            _interrupt(process)
            return reason


def _interrupt(process: "subprocess.Popen[bytes]") -> None:
    # Pulumi tells the provider and notes how far it came: the next `up` waits again for what was created, and repeats an update
    process.send_signal(signal.SIGINT)
    end = time.monotonic() + INTERRUPT_SECONDS
    while process.poll() is None and time.monotonic() < end:
        time.sleep(0.2)
    if process.poll() is None:
        process.terminate()
        process.wait()


def _finish(stack: Stack, outputs: Mapping[str, Any]) -> None:
    print(f"\n{outputs.get('summary', '')}\n")
    for name, url in sorted((outputs.get("endpoints") or {}).items()):
        print(f"  {name:16} {url}")
    if outputs.get("certificate_expires_at"):
        print(f"  certificate until {outputs['certificate_expires_at']}; `make up` renews it when it is due")
    if outputs.get("plaintext_ports"):
        print(f"  unencrypted ports: {', '.join(str(int(p)) for p in outputs['plaintext_ports'])}")
    for number, paths in (outputs.get("health_ports") or {}).items():
        print(f"  health port {number}: {', '.join(paths)}")
    print(f"\nNext: {_next(stack, outputs, _ca_file(stack, outputs))}")


def _ca_file(stack: Stack, outputs: Mapping[str, Any]) -> Path | None:
    """What clients verify the endpoints with, as a file."""
    if stack.rendered_to or not outputs.get("ca_pem"):
        return None
    stack.ca_file.parent.mkdir(exist_ok=True)
    stack.ca_file.write_text(outputs["ca_pem"], encoding="utf-8")
    return stack.ca_file


def _next(stack: Stack, outputs: Mapping[str, Any], ca: Path | None) -> str:
    workload = stack.settings.workload
    if stack.rendered_to:
        return f"kubectl apply --dry-run=server -R -f {stack.rendered_to.relative_to(PROJECT)}"
    url = next(iter((outputs.get("endpoints") or {}).values()), None)
    namespace, service = workload.namespace, outputs.get("service_name")
    if url is None or not service:
        return f"kubectl -n {namespace} get pods"
    port = url.rpartition(":")[2]
    forward = f"kubectl -n {namespace} port-forward service/{service} {port} &"
    verify = f"--cacert {ca.relative_to(PROJECT)} " if ca else ""
    if any(p.rebind and p.rebind.keeps_number and str(p.number) == port for p in workload.app.ports):
        # it is forwarded to the pod's loopback, where the app itself has that number
        return f"{forward} sleep 2; curl http://localhost:{port} # the app itself; through the Service it is {url}"
    return f"{forward} sleep 2; curl {verify}{url.partition(':')[0]}://localhost:{port}"


if __name__ == "__main__":
    sys.exit(main())
