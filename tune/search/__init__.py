"""The search: draw, train, prune, judge again; in one process, in several, or on a Ray cluster."""
