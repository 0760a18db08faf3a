"""A study: its database, locks and leases, and what it stores of each trial."""
