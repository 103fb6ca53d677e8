"""Draws book/_assets/preview.png, the picture that other sites show beside a link to the book: title and a drawing."""

from pathlib import Path

import yaml
from browser import browser

ROOT = Path(__file__).resolve().parents[1]
DRAWING = ROOT / "book" / "figures" / "one_model_many_tasks.svg"
TARGET = ROOT / "book" / "_assets" / "preview.png"
SIZE = {"width": 1200, "height": 630}  # what social sites ask for
PAGE = """<style>
body {{ margin: 0; height: 630px; display: grid; grid-template-rows: auto 1fr; gap: 24px; box-sizing: border-box;
  padding: 44px 60px; font-family: sans-serif; background: #fff; color: #1b1b1b; border-top: 14px solid #0072b2; }}
h1 {{ margin: 0; font-size: 52px; }}
svg {{ width: 100%; height: 100%; min-height: 0; }}
</style><h1>{title}</h1>{drawing}"""


def main() -> None:
    title = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf8"))["title"]
    with browser() as chromium:
        page = chromium.new_page(viewport=SIZE)
        page.set_content(PAGE.format(title=title, drawing=DRAWING.read_text(encoding="utf8")))
        page.screenshot(path=str(TARGET))


if __name__ == "__main__":
    main()
