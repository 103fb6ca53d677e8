"""Pictures in a page have their size, so that nothing moves when they arrive, and arrive when they are needed."""

import re
import struct
from pathlib import Path

PNG = b"\x89PNG\r\n\x1a\n"
IMAGE = re.compile(r'<img (?![^>]*\bloading=)([^>]*?src="([^"]+)"[^>]*?)\s*/?>')
UNITS = {"": 1.0, "px": 1.0, "pt": 4 / 3, "in": 96.0}


def size(picture: Path) -> tuple[int, int] | None:
    """Width and height in CSS pixels of a PNG or an SVG; None where it has none of its own."""
    data = picture.read_bytes()
    if data.startswith(PNG):
        return struct.unpack(">II", data[16:24])
    if picture.suffix != ".svg":
        return None
    tag = re.search(r"<svg\b[^>]*>", data.decode("utf8"))
    found = dict(re.findall(r'\b(width|height|viewBox)="([^"]+)"', tag[0] if tag else ""))
    sides = [re.fullmatch(r"([\d.]+)(px|pt|in|)", found.get(name, "")) for name in ("width", "height")]
    if all(sides):
        width, height = (float(side[1]) * UNITS[side[2]] for side in sides if side)
    elif "viewBox" in found:
        width, height = (float(number) for number in found["viewBox"].replace(",", " ").split()[2:])
    else:
        return None
    return round(width), round(height)


def with_sizes(html: str, sources: dict[str, Path]) -> str:
    """Adds what is missing to each picture; `sources` knows the files by their names in the built book."""

    def mend(found: re.Match[str]) -> str:
        attributes, name = found[1].rstrip(), found[2].rsplit("/", 1)[-1]
        source = sources.get(name)
        known = size(source) if source and source.is_file() else None
        if known and not re.search(r"\b(width|height)=", attributes):
            attributes += f' width="{known[0]}" height="{known[1]}"'
        return f'<img {attributes} loading="lazy" decoding="async" />'

    return IMAGE.sub(mend, html)
