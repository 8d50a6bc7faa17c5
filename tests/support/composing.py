"""Pods for tests: composed where components can be made, under the mocks."""

from components.core.fold import compose
from components.testing import run


def composed(app, *makers, **options):
    """The pod of the app and the patterns that the functions make; what goes wrong is raised."""
    pods = []
    run(lambda: pods.append(compose(app, [make() for make in makers], **options)))
    return pods[0]


def container(pod, name):
    """The pod's container of that name."""
    return next(c for c in (*pod.spec.get("initContainers", ()), *pod.spec["containers"]) if c["name"] == name)
