"""What a browser finds on a page of the built book: one visit, many questions."""

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT

WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 900}
NOT_OURS = ("Got invalid theme mode",)
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice", "experimental"]
AXE = """async (run) => (await axe.run({runOnly: run, resultTypes: ["violations"], preload: false})).violations.flatMap(
  (rule) => rule.nodes.map((node) => `${rule.id}: ${node.target.join(" ")}`))"""
# Every byte that the page needed, from the network or from the cache, as a plain server sends it.
BYTES = """() => performance.getEntries().filter((e) => e.decodedBodySize).reduce((n, e) => n + e.decodedBodySize, 0)"""
SHIFT = """() => new Promise((resolve) => {
  let sum = 0;
  new PerformanceObserver((list) => list.getEntries().forEach((e) => { sum += e.value; }))
    .observe({type: "layout-shift", buffered: true});
  setTimeout(() => resolve(sum), 200);
})"""
FACTS = """() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const pictures = all(".bd-article img");
  const sized = (i) => (i.hasAttribute("width") && i.hasAttribute("height")) || i.style.width;
  return {
    title: document.title,
    language: document.documentElement.lang,
    headings: all("h1").filter((h) => h.checkVisibility()).length,
    "pictures without text": pictures.filter((i) => !i.alt || i.alt.includes("_images/")).map((i) => i.src),
    "pictures without size": pictures.filter((i) => !sized(i)).map((i) => i.src),
    "tables without heads": all(".bd-article table").filter((t) => !t.querySelector("th")).map((t) => t.textContent),
    "unset formulas": all(".math").filter((m) => !m.querySelector("math")).map((m) => m.textContent),
    "ways to the source": ["edit", "issues"].filter((kind) => document.querySelector(`a.btn-source-${kind}-button`)),
  };
}"""
# What sticks out of a box that scrolls or cuts, at the side to which nobody can scroll.
CUT = """() => [...document.querySelectorAll(".bd-main *")].filter((e) => {
  const box = e.getBoundingClientRect();
  if (!e.checkVisibility() || box.width < 2 || box.height < 2) return false;
  if (getComputedStyle(e).position === "absolute") return false;
  let around = e.parentElement;
  while (around !== document.body && getComputedStyle(around).overflowX === "visible") around = around.parentElement;
  return around !== document.body && box.left < around.getBoundingClientRect().left - 2;
}).map((e) => `${e.tagName} ${e.className.baseVal ?? e.className}`)"""
# The contrast of a kind of token is the same everywhere on a page: one of each is enough, and a hundred times faster.
# So are formulas on one ground.
ONE_TOKEN_OF_A_KIND = """() => {
  const seen = new Set();
  for (const span of document.querySelectorAll(".highlight span[class]")) {
    const kind = span.className + getComputedStyle(span.closest(".highlight pre")).backgroundColor;
    if (seen.has(kind)) span.replaceWith(...span.childNodes);
    seen.add(kind);
  }
}"""
ONE_FORMULA_ON_A_GROUND = """() => {
  const ground = (e) => !e || getComputedStyle(e).backgroundColor !== "rgba(0, 0, 0, 0)" ? e : ground(e.parentElement);
  const seen = new Set();
  for (const formula of document.querySelectorAll("math")) {
    const kind = getComputedStyle(formula).color + ground(formula)?.className;
    if (seen.has(kind)) formula.remove();
    seen.add(kind);
  }
}"""
SET_MODE = "(mode) => { document.documentElement.dataset.mode = document.documentElement.dataset.theme = mode; }"
SETTLED = "() => Promise.all(document.getAnimations().map((a) => a.finished.catch(() => null))).then(() => null)"


def watch(page: Any, own: str) -> dict[str, list[str]]:
    """Collects what a page says to the console and asks from others than `own` address."""
    heard: dict[str, list[str]] = {"messages": [], "outside": []}

    def hear(message: Any) -> None:
        if message.type in ("error", "warning") and not any(known in message.text for known in NOT_OURS):
            heard["messages"].append(f"{message.text} ({message.location.get('url', '')})")

    page.on("console", hear)
    page.on("pageerror", lambda error: heard["messages"].append(str(error)))
    page.on("request", lambda r: None if r.url.startswith((own, "data:", "blob:")) else heard["outside"].append(r.url))
    return heard


def visit(page: Any, heard: dict[str, list[str]], address: str) -> dict[str, Any]:
    """All that is tested of a page, on one load of it."""
    for found in heard.values():
        found.clear()
    page.set_viewport_size(WIDE)
    page.goto(address, wait_until="load")
    page.evaluate("() => document.fonts.ready.then(() => null)")
    result = {"bytes": page.evaluate(BYTES), "shift": page.evaluate(SHIFT), **page.evaluate(FACTS)}
    page.set_viewport_size(NARROW)
    result["overflow"] = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    result["cut"] = page.evaluate(CUT)
    result["faults"] = faults(page)
    return result | {name: [*found] for name, found in heard.items()}


def faults(page: Any) -> list[str]:
    """What axe-core finds, wide and narrow, light and dark. Only colours differ between the modes."""
    page.evaluate(AXE_SCRIPT)
    page.evaluate(ONE_TOKEN_OF_A_KIND)
    found = []
    for size in (WIDE, NARROW):
        page.set_viewport_size(size)
        for mode, rules in (("light", STANDARDS), ("dark", ["color-contrast"])):
            page.evaluate(SET_MODE, mode)
            page.evaluate(SETTLED)
            found += [f"{size['width']} {mode}: {fault}" for fault in page.evaluate(AXE, rules)]
            page.evaluate(ONE_FORMULA_ON_A_GROUND)  # the first look, with all rules, has seen each
    return found
