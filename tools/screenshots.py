"""Photographs the built book at desktop and phone width, light and dark. Usage: screenshots.py [FOLDER] [PAGE ...]"""

import sys
from pathlib import Path

from browser import browser, open_page, pages, served

HTML = Path(__file__).resolve().parents[1] / "_build" / "html"


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    with served(HTML) as address, browser() as chromium:
        for name in sys.argv[2:] or pages(HTML):
            for width in (1440, 390):
                for mode in ("light", "dark"):
                    page = open_page(chromium, f"{address}/{name}", width, mode)
                    target = folder / f"{Path(name).stem}-{width}-{mode}.png"
                    page.screenshot(path=target, full_page=True, animations="disabled")
                    page.context.close()
                    print(target)


if __name__ == "__main__":
    main()
