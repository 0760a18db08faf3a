"""Recordings that go on for hours, with labels that change on the way."""
