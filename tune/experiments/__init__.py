"""Comparisons as experiments: named configurations trained side by side, and what their differences are worth."""
