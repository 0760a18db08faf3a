"""Statistics of comparisons: numbers in, numbers out; nothing here knows of studies."""
