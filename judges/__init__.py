"""Outside judges: programs that others wrote, and what they say about all that this project renders and holds. `make judge`."""
