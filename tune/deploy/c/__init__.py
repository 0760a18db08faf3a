"""Trained networks as plain C: for microcontrollers, and for whatever else has a compiler."""
