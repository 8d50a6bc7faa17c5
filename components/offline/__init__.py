"""The manifests that a program would apply, as dicts or as files, without an engine, a provider or a cluster."""

from .rendering import OfflineError, Rendering, manifests, render

__all__ = ["OfflineError", "Rendering", "manifests", "render"]
