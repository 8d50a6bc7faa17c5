"""What may reach a workload's pods, and what they may reach."""
