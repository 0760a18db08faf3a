"""Seeds that depend on what they are for and on nothing else."""

import hashlib


def derive_seed(*path: int | str) -> int:
    """A 32-bit seed for a purpose, such as ``derive_seed(study_seed, "trial", 7, "fold", 0)``.

    Seeds made by adding numbers collide (study 1, trial 2 and study 2, trial 1); a hash of the whole path does not,
    and a resumed trial derives the very seeds it had without having stored them.
    """
    digest = hashlib.sha256("/".join(map(repr, path)).encode()).digest()
    return int.from_bytes(digest[:4], "big")
