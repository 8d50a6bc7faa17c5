"""Pods for tests: composed where components can be made, under the mocks."""

from components.core.fold import compose
from components.testing import run

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
"""Looks like a certificate, for arguments that only look at that."""


def composed(app, *makers, **options):
    """The pod of the app and the patterns that the functions make; what goes wrong is raised."""
    pods = []
    run(lambda: pods.append(compose(app, [make() for make in makers], **options)))
    return pods[0]


def container(pod, name):
    """The pod's container of that name."""
    return next(c for c in (*pod.spec.get("initContainers", ()), *pod.spec["containers"]) if c["name"] == name)
