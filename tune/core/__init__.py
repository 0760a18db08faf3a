"""What every part of the tuner stands on: errors, files, folders, seeds, the terminal."""
