"""What a trained network has learned and where it fails: measured, drawn, and said in words."""
