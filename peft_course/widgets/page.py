"""An interactive figure as HTML: picture, caption, and its data for the script that puts the controls there.

Without the script (no JavaScript, a reader of notebooks, paper) the picture stays. It reads as XML, too, for EPUB.
"""

import base64
import io
import json
from dataclasses import asdict
from html import escape

import matplotlib.pyplot as plt

from .figure import InteractiveFigure, Shown


def page(figure: InteractiveFigure) -> str:
    """The figure in its first state."""
    shown = figure.show(figure.start)
    name = escape(figure.name)
    return (
        f'<figure class="interactive" id="{name}" data-interactive="{escape(figure.kind)}">\n'
        f'<div class="interactive-stage">{picture(shown, figure.alt)}</div>\n'
        f'<figcaption><p><span class="caption-text">{escape(figure.caption)}</span></p></figcaption>\n'
        f'<script type="application/json">{content(figure)}</script>\n'
        "</figure>"
    )


def picture(shown: Shown, alt: str) -> str:
    """The picture of a state as an ``<img>`` that carries its own bytes."""
    axes = shown.draw()
    file = io.BytesIO()
    axes.figure.savefig(file, format="png", metadata={"Software": None})
    plt.close(axes.figure)
    width, height = (axes.figure.get_size_inches() * axes.figure.dpi).round().astype(int)
    letters = base64.b64encode(file.getvalue()).decode()
    text = escape(f"{alt} {shown.sentence}")
    return f'<img alt="{text}" width="{width}" height="{height}" src="data:image/png;base64,{letters}" />'


def table(shown: Shown) -> str:
    """The values of a state as a ``<table>``."""
    header, *rows = shown.table
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in header)
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>' + "".join(f"<td>{escape(each)}</td>" for each in rest) + "</tr>"
        for first, *rest in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def content(figure: InteractiveFigure) -> str:
    """Data and controls as JSON that can stand in a page: no letter of it begins a tag."""
    controls = [asdict(control) for control in figure.controls]
    text = json.dumps({"alt": figure.alt, "controls": controls, "data": figure.data}, ensure_ascii=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
