"""What looks wrong with a data set, in sentences."""
