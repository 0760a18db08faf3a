"""The sections of a diagnosis, a module each: what is measured, how it is drawn, and what it means."""
