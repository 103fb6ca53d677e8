"""Photographs the built book at desktop and phone width, light and dark."""

import argparse
from pathlib import Path

from browser import browser, open_page, pages, served

# Pictures further down come when a reader gets near them.
LOAD = """() => Promise.all([...document.images].map(picture => {
    picture.loading = "eager";
    return picture.decode().catch(() => null);
}))"""
HTML = Path(__file__).resolve().parents[1] / "_build" / "html"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("screenshots"), help="where the pictures go")
    parser.add_argument("pages", nargs="*", metavar="page", help="such as chapters/soft-prompts.html; else all")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with served(HTML) as address, browser() as chromium:
        for name in arguments.pages or pages(HTML):
            for width in (1440, 390):
                for mode in ("light", "dark"):
                    page = open_page(chromium, f"{address}/{name}", width, mode)
                    page.evaluate(LOAD)
                    target = arguments.folder / f"{name.removesuffix('.html').replace('/', '-')}-{width}-{mode}.png"
                    page.screenshot(path=target, full_page=True, animations="disabled")
                    page.context.close()
                    print(target)


if __name__ == "__main__":
    main()
