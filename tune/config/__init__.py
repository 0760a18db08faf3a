"""Settings and search spaces: their schema, defaults, ranges and layers; checked once, at the edge."""
