"""The rules as policies of Pulumi."""

from collections.abc import Callable, Iterator
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyConfigSchema,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

from . import certificates, pods, references, services
from .manifests import Object, Stack, Wire, read

_NAMES = {"type": "array", "items": {"type": "string"}}


def _of_object(name: str, rule: Callable[[Object, Wire], Iterator[str]], description: str, **config: Any) -> Policy:
    """A policy that looks at one object, before it is made."""

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        found = read(args.resource_type, args.props)
        for line in rule(found, args.get_config()) if found else ():
            report(line, None)

    return ResourceValidationPolicy(name, description, validate, EnforcementLevel.MANDATORY, _schema(config))


def _of_stack(
    name: str,
    rule: Callable[[Stack, Wire], Iterator[tuple[Object, str]]],
    description: str,
    level: EnforcementLevel = EnforcementLevel.MANDATORY,
    **config: Any,
) -> Policy:
    """A policy that looks at all objects together."""

    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        objects = [read(resource.resource_type, resource.props, resource.urn) for resource in args.resources]
        for found, line in dict.fromkeys(rule(Stack([item for item in objects if item]), args.get_config())):
            report(line, found.urn)

    return StackValidationPolicy(name, description, validate, level, _schema(config))


def _of_pods(rule: Callable[[Object, Wire], Iterator[str]]) -> Callable[[Object, Wire], Iterator[str]]:
    return lambda found, settings: rule(found, settings) if found.has_pods else iter(())


def _schema(config: dict[str, Any]) -> PolicyConfigSchema | None:
    return PolicyConfigSchema(config) if config else None


POLICIES = [
    _of_object(
        "pod-security",
        _of_pods(pods.security),
        "Pods meet a Pod Security Standard.",
        level={"type": "string", "enum": ["restricted", "baseline"], "default": "restricted"},
        kubernetesVersion={"type": "string", "default": "1.30"},
        exempt={**_NAMES, "description": "Names of containers that may do more, such as update-sysctl.", "default": []},
    ),
    _of_object("memory-limits", _of_pods(pods.resources), "Every container has requests and a memory limit."),
    _of_object("images", _of_pods(pods.images), "Images have a version or a digest."),
    _of_object("selectors", _of_pods(pods.selectors), "The selector of a workload selects its own pods."),
    _of_object(
        "certificates",
        certificates.certificates,
        "Certificates in Secrets last, and the key is theirs.",
        days={"type": "integer", "description": "How long one must last at least.", "default": certificates.DAYS},
    ),
    _of_stack("services", services.reach, "Services lead to ports that pods declare."),
    _of_stack(
        "no-way-past-tls",
        services.plain,
        "Pods with TLS in front of them publish no plain port.",
        plain={**_NAMES, "description": "Names of Services' ports that may be plain.", "default": [*services.METRICS]},
    ),
    _of_stack("clients-speak-tls", services.clients, "Who names a port that speaks TLS speaks TLS."),
    _of_stack(
        "references",
        references.references,
        "What pods name is in the stack.",
        # somebody else may have made it
        EnforcementLevel.ADVISORY,
        existing={**_NAMES, "description": "What is in the cluster anyway, as Secret/name.", "default": []},
    ),
]
"""Every policy."""
