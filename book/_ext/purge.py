"""A style sheet without the rules that can match nothing: those with a class that no page and no script names."""

import re
from collections.abc import Iterator

STRING = r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'"
TOKEN = re.compile(rf"/\*.*?\*/|{STRING}|url\((?:{STRING}|[^)\"']*)\)|[{{}};]", re.DOTALL)
CLASS = re.compile(r"\.((?:[\w-]|\\.)+)")
MAYBE = re.compile(r":(?:not|is|where|has)\((?:[^()]|\([^()]*\))*\)")  # the classes in these need not be there
NESTED = ("@media", "@supports", "@layer", "@container")
COMPOSED = ("bs-",)  # Bootstrap's script puts these names together out of parts


def purged(css: str, words: set[str]) -> str:
    """The rules of `css` whose classes are all among `words`."""
    return "".join(kept(prelude, body, words) for prelude, body in rules(css))


def rules(css: str) -> Iterator[tuple[str, str | None]]:
    """Each rule as what stands before its braces and what in them; a statement without braces has None."""
    start = opened = depth = 0
    for token in TOKEN.finditer(css):
        if token[0] == "{":
            opened, depth = (opened, depth + 1) if depth else (token.start(), 1)
        elif token[0] == "}":
            depth -= 1
            if not depth:
                yield css[start:opened], css[opened + 1 : token.start()]
                start = token.end()
        elif token[0] == ";" and not depth:
            yield css[start : token.end()], None
            start = token.end()


def kept(prelude: str, body: str | None, words: set[str]) -> str:
    if body is None:
        return prelude
    name = re.sub(r"/\*.*?\*/", "", prelude, flags=re.DOTALL).strip()
    licence = "".join(re.findall(r"/\*!.*?\*/", prelude, re.DOTALL))
    if name.startswith(NESTED):
        inside = purged(body, words)
        return licence + (f"{name}{{{inside}}}" if inside else "")
    if name.startswith("@"):
        return f"{licence}{name}{{{body}}}"
    selectors = ",".join(selector for selector in split(name) if can_match(selector, words))
    return licence + (f"{selectors}{{{body}}}" if selectors else "")


def split(selectors: str) -> Iterator[str]:
    """Divides at the commas that stand in no parentheses or brackets."""
    depth, start = 0, 0
    for place, letter in enumerate(selectors):
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and not depth:
            yield selectors[start:place]
            start = place + 1
    yield selectors[start:]


def can_match(selector: str, words: set[str]) -> bool:
    names = (name.replace("\\", "") for name in CLASS.findall(MAYBE.sub("", selector)))
    return all(name in words or name.startswith(COMPOSED) for name in names)
