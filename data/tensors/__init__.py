"""From sequences to what a network sees: channels, augmentation, batches."""
