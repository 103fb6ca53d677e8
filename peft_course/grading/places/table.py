"""A table of comma-separated values in which single cells are replaced, and every other byte stays as it was.

A place reads back what it wrote: its byte order mark, line ends, separator, quotes and columns that nobody knows.
RFC 4180 says what a quoted cell is; separators are what Moodle and Canvas offer.
"""

import codecs
from dataclasses import dataclass, field
from pathlib import Path

MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
SEPARATORS = (",", ";", "\t")


@dataclass(frozen=True)
class Cell:
    """Where the cell stands in the text, and what it says."""

    begin: int
    end: int
    value: str


@dataclass
class Table:
    """`rows` of cells, the header first; `put` replaces one, and `content` is the whole again as bytes."""

    name: str
    mark: bytes
    encoding: str
    text: str
    separator: str
    rows: list[list[Cell]]
    new: dict[tuple[int, int], str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "Table":
        """Raises ValueError where the file is empty or a quote is left open, and OSError where it cannot be read.

        Without a byte order mark it is UTF-8, or else Latin-1, of which every byte is a letter and stays itself.
        """
        content = path.read_bytes()
        mark, encoding = next(((mark, name) for mark, name in MARKS if content.startswith(mark)), (b"", "utf-8"))
        try:
            text = content[len(mark) :].decode(encoding)
        except UnicodeDecodeError:
            if mark:
                raise ValueError(f"{path} is not {encoding}, as its first bytes say: download it again") from None
            encoding, text = "latin-1", content.decode("latin-1")
        if not text.strip():
            raise ValueError(f"{path} is empty: download it again")
        line = text.splitlines()[0]
        separator = max(SEPARATORS, key=line.count)
        return cls(str(path), mark, encoding, text, separator, _rows(text, separator, str(path)))

    def column(self, *names: str) -> int | None:
        """The first column with one of these names, whatever its case and the space around it."""
        wanted = [name.casefold() for name in names]
        found = (i for i, cell in enumerate(self.rows[0]) if cell.value.strip().casefold() in wanted)
        return next(found, None)

    def value(self, row: int, column: int | None) -> str:
        """Without the space around it; empty where there is no such cell."""
        cells = self.rows[row]
        return cells[column].value.strip() if column is not None and column < len(cells) else ""

    def put(self, row: int, column: int, value: str) -> None:
        self.new[row, column] = value

    def content(self) -> bytes:
        parts, at = [], 0
        for row, column in sorted(self.new):
            cell = self.rows[row][column]
            parts += [self.text[at : cell.begin], self._quoted(self.new[row, column])]
            at = cell.end
        # A letter that the encoding lacks becomes &#…; which is right for comments, the only text that is put.
        return self.mark + "".join([*parts, self.text[at:]]).encode(self.encoding, errors="xmlcharrefreplace")

    def _quoted(self, value: str) -> str:
        needed = any(sign in value for sign in (self.separator, '"', "\r", "\n"))
        return '"' + value.replace('"', '""') + '"' if needed else value


def _rows(text: str, separator: str, name: str) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    at = 0
    while at < len(text):
        cells: list[Cell] = []
        while True:
            cell = _cell(text, at, separator, name)
            cells.append(cell)
            at = cell.end
            if text[at : at + 1] != separator:
                break
            at += 1
        rows.append(cells)
        at += 2 if text.startswith("\r\n", at) else 1
    return rows


def _cell(text: str, begin: int, separator: str, name: str) -> Cell:
    at, value = begin, ""
    if text[at : at + 1] == '"':
        while True:
            close = text.find('"', at + 1)
            if close < 0:
                line = text.count("\n", 0, begin) + 1
                raise ValueError(f"{name}, line {line}: a quote is opened and not closed; download the file again")
            value += text[at + 1 : close]
            at = close + 1
            if text[at : at + 1] != '"':
                break
            value += '"'
    end = at
    while end < len(text) and text[end] not in (separator, "\r", "\n"):
        end += 1
    return Cell(begin, end, value + text[at:end])
