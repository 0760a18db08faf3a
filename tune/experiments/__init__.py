"""Comparisons as experiments: named configurations trained side by side, and what their differences are worth.

What a person can mend is raised here as a SettingsError, StudyError or DataError, from wherever it is found.
"""
