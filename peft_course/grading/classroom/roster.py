"""Who is in a class, and whose notebook has which numbers: a list of names and a secret give each learner's variant.

Nobody without the secret can compute a variant, and whoever has a notebook knows its own variant alone. The grader goes
by the name under which a file was handed in, and by nothing that stands in the file.
"""

import csv
import hashlib
import re
import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .gradebook import file_name
from .handed_in import HandedIn

SHORTEST = 16  # bytes of a secret
WITH_ID = re.compile(r"(?P<name>.+) \((?P<id>\w+)\)")


@dataclass(frozen=True)
class Learner:
    """A line of the roster. `variant` is a word that decides the numbers of the learner's tasks."""

    name: str
    variant: str

    @property
    def folder(self) -> str:
        """A plain name for a folder of the learner's own."""
        return file_name(self.name).removesuffix(".html")


class Roster:
    """The learners of a class, found by the names that downloads give them."""

    def __init__(self, rows: Sequence[tuple[str, str]], secret: bytes) -> None:
        """`rows` are names and ids; an id may be empty. Raises ValueError where two rows are the same learner."""
        self.learners: list[Learner] = []
        self._known: dict[str, set[Learner]] = {}
        key = hashlib.blake2b(secret).digest()
        for name, identity in rows:
            who = f"id {identity}" if identity else f"name {_plain(name)}"
            learner = Learner(name, hashlib.blake2b(who.encode(), key=key, digest_size=8).hexdigest())
            if learner.variant in {other.variant for other in self.learners}:
                raise ValueError(
                    f"the roster has {name!r} twice; give each of them an id of their own in a column 'id'"
                )
            self.learners.append(learner)
            for word in filter(None, (_plain(name), identity and f"({identity})", _plain(learner.folder))):
                self._known.setdefault(word, set()).add(learner)

    @property
    def variants(self) -> tuple[str, ...]:
        return tuple(sorted(learner.variant for learner in self.learners))

    def find(self, name: str) -> Learner | None:
        """The learner whom a download calls so: by id, by name, by the folder's name. None where that is not one."""
        parts = WITH_ID.fullmatch(name)
        words = [f"({parts['id']})", _plain(name), _plain(parts["name"])] if parts else [_plain(name)]
        found: set[Learner] = next((self._known[word] for word in words if word in self._known), set())
        return next(iter(found)) if len(found) == 1 else None

    def named(self, variant: str) -> str:
        """Whose variant this is; the book's for ``""``."""
        return next((one.name for one in self.learners if one.variant == variant), "the book" if not variant else "?")

    def assign(self, handed_in: Sequence[HandedIn]) -> tuple[list[HandedIn], list[HandedIn]]:
        """The files with their learners' variants (and names, where a folder of ours has them), and strangers' files.

        A file's key is then another one for every learner and roster: it has to be graded once for each.
        """
        class_ = "".join(self.variants)
        known, strangers = [], []
        for each in handed_in:
            if (learner := self.find(each.learner)) is None:
                strangers.append(each)
            else:
                whose = hashlib.blake2b(f"{learner.variant} {class_}".encode(), digest_size=8).hexdigest()
                name = learner.name if _plain(each.learner) == _plain(learner.folder) else each.learner
                known.append(replace(each, learner=name, key=f"{each.key}-{whose}", variant=learner.variant))
        return known, strangers


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


def read_roster(path: Path, secret: Path) -> Roster:
    """A CSV with the column ``learner``, and perhaps ``id``; the secret is in a file of its own.

    Raises ValueError that names what is missing, OSError where a file cannot be read.
    """
    text = path.read_text(encoding="utf-8-sig")
    head = text.split("\n", 1)[0]
    rows = csv.DictReader(text.splitlines(), delimiter=";" if ";" in head else ",")
    if "learner" not in (rows.fieldnames or ()):
        raise ValueError(f"{path} has no column 'learner'; its first line has to be learner, or learner,id")
    found = [(" ".join((row["learner"] or "").split()), (row.get("id") or "").strip()) for row in rows]
    if not (named := [pair for pair in found if pair[0]]):
        raise ValueError(f"{path} names no learner")
    return Roster(named, read_secret(secret))


def read_secret(path: Path) -> bytes:
    if not path.is_file():
        raise ValueError(f"there is no secret in {path}; name the file that peft-course variants made for this class")
    secret = path.read_bytes().strip()
    if len(secret) < SHORTEST:
        raise ValueError(f"the secret in {path} has {len(secret)} bytes; {SHORTEST} or more keep it from being guessed")
    return secret


def make_secret(path: Path) -> bool:
    """Writes a new secret that its owner alone can read, where there is none yet; whether it did."""
    if path.exists():
        return False
    path.touch(mode=0o600)
    path.write_text(secrets.token_hex(32) + "\n", encoding="utf8")
    return True
