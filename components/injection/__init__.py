"""Patterns in workloads that somebody else wrote: charts, manifests, other people's components."""
