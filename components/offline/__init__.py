"""The manifests that a program would apply, as dicts or as files, without an engine, a provider or a cluster."""

from .injecting import injected
from .rendering import OfflineError, Rendering, manifests, render

__all__ = ["OfflineError", "Rendering", "injected", "manifests", "render"]
