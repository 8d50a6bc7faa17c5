"""Manifests of many workloads: by this package, and the same objects written flat with the usual tools."""
