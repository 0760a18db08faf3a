"""The one error that a data set may raise on what it finds on disk."""


class DataError(ValueError):
    """A data set cannot be read; the message names the file, the place in it, and what to do.

    Attributes:
        exit_code: Of a command that ends with it.
    """

    exit_code = 2
