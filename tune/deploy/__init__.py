"""A trained network made ready for use elsewhere: ONNX files, their check, their model card, and what runs them."""
