"""The book's own drawings as PNG, for readers that show no SVG. What `book/figures/draw.py` can draw is known here."""

import io
import re
import xml.etree.ElementTree as ET
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch, Polygon

INCH = 100  # of the drawing's units
DOTS = 150  # an inch: half as many again as units, so that letters are sharp
NARROWER = 0.88  # DejaVu, which every matplotlib has, runs wider than the browser's Helvetica
POINT = 72 / INCH
ALIGNED = {"start": "left", "middle": "center", "end": "right"}
WORDS = ("title", "desc")


def png(svg: Path) -> bytes:
    """The drawing on no background. Raises ValueError for a shape that the book's drawings do not have."""
    root = ET.parse(svg).getroot()
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    figure = Figure(figsize=(width / INCH, height / INCH), dpi=DOTS, facecolor="none")
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    for element in root:
        kind = element.tag.rpartition("}")[2]
        if kind not in (*SHAPES, *WORDS):
            raise ValueError(f"{svg.name} has a <{kind}>; {Path(__file__).name} draws {', '.join(SHAPES)}")
        if kind in SHAPES:
            SHAPES[kind](axes, element, dict(element.attrib))
    picture = io.BytesIO()
    figure.savefig(picture, format="png", transparent=True, metadata={"Software": None})
    return picture.getvalue()


def _stroke(look: dict[str, str]) -> dict:
    dashes = tuple(float(part) * POINT for part in look.get("stroke-dasharray", "").split())
    width = float(look.get("stroke-width", 0)) * POINT
    return {"linewidth": width, "linestyle": (0, dashes) if dashes else "solid"}


def _rect(axes: Axes, element: ET.Element, look: dict[str, str]) -> None:
    x, y, width, height, radius = (float(look.get(name, 0)) for name in ("x", "y", "width", "height", "rx"))
    style = f"round,pad=0,rounding_size={radius}" if radius else "square,pad=0"
    fill = (look["fill"], float(look.get("fill-opacity", 1)))
    box = FancyBboxPatch((x, y), width, height, style, fc=fill, ec=look.get("stroke", "none"), **_stroke(look))
    axes.add_patch(box)


def _polyline(axes: Axes, element: ET.Element, look: dict[str, str]) -> None:
    xs, ys = zip(*_points(look), strict=True)
    axes.add_line(Line2D(xs, ys, color=look["stroke"], solid_capstyle="butt", **_stroke(look)))


def _polygon(axes: Axes, element: ET.Element, look: dict[str, str]) -> None:
    axes.add_patch(Polygon(_points(look), closed=True, fc=look["fill"], ec="none"))


def _text(axes: Axes, element: ET.Element, look: dict[str, str]) -> None:
    turn = re.match(r"rotate\((-?[\d.]+)", look.get("transform", ""))
    axes.text(
        float(look["x"]),
        float(look["y"]),
        element.text or "",
        color=look["fill"],
        ha=ALIGNED[look.get("text-anchor", "start")],
        fontsize=float(look["font-size"]) * POINT * NARROWER,
        fontfamily="DejaVu Sans Mono" if "mono" in look["font-family"].lower() else "DejaVu Sans",
        fontweight=look.get("font-weight", "normal"),
        fontstyle=look.get("font-style", "normal"),
        rotation=-float(turn[1]) if turn else 0,
        rotation_mode="anchor",
        parse_math=False,
    )


def _points(look: dict[str, str]) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in look["points"].split())]


SHAPES = {"rect": _rect, "polyline": _polyline, "polygon": _polygon, "text": _text}
