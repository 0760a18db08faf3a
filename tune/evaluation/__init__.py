"""How good a trained network is, with intervals: the last fit, the test evaluation, and the statistics of both."""
