"""The report of a study: one page made for reading, and the same facts for a pull request."""
