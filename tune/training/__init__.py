"""Training of one network: splits, fit, losses, metrics, checkpoints, calibration."""
