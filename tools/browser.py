"""Opens pages of the built book in Chromium; shared by the screenshots and by the browser tests."""

import functools
import http.server
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    """The browser's path: the variable CHROMIUM, or the first of the usual names; None where there is none."""
    named = os.environ.get("CHROMIUM")
    return named or next((path for name in NAMES if (path := shutil.which(name))), None)


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def served(html: Path) -> Iterator[str]:
    """Serves a folder on a free port of this machine; gives its address."""
    handler = functools.partial(QuietHandler, directory=str(html))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def browser() -> Iterator[Any]:
    """A headless Chromium, driven by playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        yield chromium
        chromium.close()


def open_page(
    chromium: Any, address: str, width: int, mode: str = "light", on_message: Callable[[str], None] | None = None
) -> Any:
    """Opens an address in a window of its own, in light or dark mode, and waits for the fonts.

    on_message gets the text of every warning and error that the page writes to the console.
    """
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=mode)
    context.add_init_script(f"localStorage.setItem('mode', '{mode}'); localStorage.setItem('theme', '{mode}')")
    page = context.new_page()
    if on_message:
        page.on("console", lambda m: on_message(f"{m.text} ({m.location})") if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: on_message(str(error)))
    load(page, address)
    return page


def load(page: Any, address: str) -> None:
    """Goes to an address, and waits for the fonts."""
    page.goto(address, wait_until="load")
    page.evaluate("() => document.fonts.ready.then(() => null)")


def pages(html: Path) -> list[str]:
    """The book's own pages, without search and index."""
    found = (p.relative_to(html).as_posix() for p in html.rglob("*.html"))
    return sorted(p for p in found if p not in ("search.html", "genindex.html") and not p.startswith("_"))
