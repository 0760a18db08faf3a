"""Which files and rows make which recording, class and person."""
