"""Deploys Pulumi programs and the project's stacks into a namespace, the way a user does.

`pulumi up` where the CLI is on PATH, otherwise the offline rendering and `kubectl apply`.
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pulumi
from pulumi import automation

from components.offline import manifests, render
from tests.support.stack_program import NAME, configuration, run_program

from .cluster import KubectlError, Namespace, kubectl

Program = Callable[[], Any]
Change = Callable[[dict[str, Any]], Any]

STACK = "e2e"
_ROLLED_OUT = ("Deployment", "StatefulSet", "DaemonSet")


class DeployError(Exception):
    """The deployment was refused or failed; the text says why."""


def how() -> str:
    """How the suite deploys, in words."""
    command = shutil.which("pulumi")
    return f"pulumi up ({command})" if command else "offline rendering and kubectl apply (the pulumi CLI is not on PATH)"


class Deployment:
    """A program that was deployed into a namespace; undone when the namespace is closed."""

    outputs: Mapping[str, Any]
    """What the program exported, secrets revealed."""

    def __init__(self, namespace: Namespace, project: str, *, offline: bool = False) -> None:
        """offline: whether to render even where the CLI is there."""
        self.namespace, self.project = namespace, project
        self._offline = offline or shutil.which("pulumi") is None
        self.outputs = {}
        self._home = tempfile.TemporaryDirectory()
        self._directory = Path(self._home.name) / "rendered"
        self._objects: list[dict[str, Any]] = []
        self._stack: automation.Stack | None = None
        namespace.undo.append(self.undo)

    def up(self, program: Program, config: Mapping[str, Any] | None = None, *, wait: bool = True, timeout: int = 240) -> "Deployment":
        """Deploys the program; a second time, it updates what is there.

        With `wait`, returns when every Deployment, StatefulSet and DaemonSet has rolled out, and only then removes what the program no
        longer has, as the engine does. Raises DeployError.
        """
        if self._offline:
            self._apply(program, config or {}, wait=wait, timeout=timeout)
        else:
            self._pulumi_up(program, config or {}, wait=wait)
        return self

    def undo(self) -> None:
        """Removes what was deployed, without waiting for pods to end."""
        if self._stack:
            self._stack.destroy()
        elif self._objects:
            kubectl("delete", "--ignore-not-found", "--wait=false", "-f", str(self._directory))
        self._objects, self._stack = [], None
        self._home.cleanup()

    def _apply(self, program: Program, config: Mapping[str, Any], *, wait: bool, timeout: int) -> None:
        keys = Path(self._home.name) / "keys.json"
        try:
            rendering = render(program, self._directory, keys=keys, project=self.project, stack=STACK, config=config)
        except pulumi.RunError as error:
            raise DeployError(str(error)) from error
        before, self._objects = self._objects, manifests(rendering.recording)
        self.outputs = rendering.recording.exports
        try:
            kubectl("apply", "-f", str(self._directory))
            for kind, name, namespace in map(_identity, self._objects):
                if wait and kind in _ROLLED_OUT:
                    arguments = ("rollout", "status", f"{kind}/{name}", "-n", namespace, f"--timeout={timeout}s")
                    kubectl(*arguments, timeout=timeout + 30)
            kept = [_identity(o) for o in self._objects]
            for kind, name, namespace in (_identity(o) for o in before):
                if (kind, name, namespace) not in kept:
                    kubectl("delete", kind, name, *(["-n", namespace] if namespace else []), "--ignore-not-found", "--wait=false")
        except KubectlError as error:
            raise DeployError(str(error)) from error

    def _pulumi_up(self, program: Program, config: Mapping[str, Any], *, wait: bool) -> None:
        def whole() -> None:
            if not wait:
                pulumi.runtime.register_stack_transformation(_unawaited)
            program()

        if self._stack is None:
            environment = {
                "PULUMI_BACKEND_URL": f"file://{self._home.name}",
                "PULUMI_CONFIG_PASSPHRASE": "e2e",
                "PULUMI_SKIP_UPDATE_CHECK": "true",
            }
            self._stack = automation.create_or_select_stack(
                STACK, self.project, whole, opts=automation.LocalWorkspaceOptions(env_vars=environment)
            )
        self._stack.workspace.program = whole
        for key, value in config.items():
            self._stack.set_config(key, automation.ConfigValue(value if isinstance(value, str) else json.dumps(value)))
        try:
            self.outputs = {name: output.value for name, output in self._stack.up().outputs.items()}
        except automation.CommandError as error:
            raise DeployError(str(error)) from error


def _identity(manifest: Mapping[str, Any]) -> tuple[str, str, str]:
    metadata = manifest["metadata"]
    return manifest["kind"], metadata["name"], metadata.get("namespace", "")


def _unawaited(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
    if args.type_ not in (*(f"kubernetes:apps/v1:{kind}" for kind in _ROLLED_OUT), "kubernetes:core/v1:Pod", "kubernetes:batch/v1:Job"):
        return None
    metadata: Any = args.props["metadata"]
    annotations = {**metadata.get("annotations", {}), "pulumi.com/skipAwait": "true"}
    return pulumi.ResourceTransformationResult({**args.props, "metadata": {**metadata, "annotations": annotations}}, args.opts)


def deploy(namespace: Namespace, program: Program, *, wait: bool = True, timeout: int = 240) -> Deployment:
    """Deploys a program, whose objects must say that they are in this namespace. Call `up` with a changed program to update.

    With `wait`, returns when every Deployment has rolled out. Raises DeployError.
    """
    return Deployment(namespace, "e2e").up(program, wait=wait, timeout=timeout)


def deploy_stack(
    namespace: Namespace, stack: str, change: Change | None = None, *, wait: bool = True, timeout: int = 240, on: Deployment | None = None
) -> Deployment:
    """Deploys stacks/Pulumi.<stack>.yaml into this namespace instead of its own; `on` an earlier deployment, it updates that.

    `change` may alter the configuration in place: `lambda config: config["patterns"][0].update(strategy="none")`; the keys are
    without `pod-patterns:`. Raises DeployError.
    """
    config = {key.removeprefix(f"{NAME}:"): value for key, value in configuration(stack).items()}
    # what a render stack writes is meant for kubectl
    offline = config.pop("render", None) is not None
    config["workload"] = {**config.get("workload", {}), "namespace": namespace.name}
    if change:
        change(config)
    deployment = on or Deployment(namespace, NAME, offline=offline)
    return deployment.up(run_program, {f"{NAME}:{key}": value for key, value in config.items()}, wait=wait, timeout=timeout)
