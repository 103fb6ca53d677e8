"""Which texts the pretraining corpus never shows, so that tasks can ask for what no model has seen."""

import hashlib


def is_held_out(text: str) -> bool:
    """True for about one text in ten, the same on every machine (Python's own `hash` changes from run to run)."""
    return hashlib.blake2b(text.encode(), digest_size=4).digest()[0] % 10 == 0
