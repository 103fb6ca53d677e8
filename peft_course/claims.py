"""A claim of the book: a sentence that a cell has measured, and that stops the build when it is no longer true."""


def claim(sentence: str, condition: bool) -> None:
    """Print that `sentence` holds, or raise AssertionError with it."""
    if not condition:
        raise AssertionError(f"claim fails: {sentence}")
    print(f"✓ {sentence}")
