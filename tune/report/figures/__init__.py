"""The figures of a study: a module each with its data, its words, and how it is drawn."""
