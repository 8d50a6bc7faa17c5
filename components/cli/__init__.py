"""The command: pod-patterns."""
