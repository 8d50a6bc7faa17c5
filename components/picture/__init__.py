"""Pictures of composed pods, drawn from what the fold knows; no pattern knows of them."""
