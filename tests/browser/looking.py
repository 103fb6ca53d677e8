"""What a browser finds on a page of the built book: one visit, many questions."""

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from browser import load

WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 900}
NOT_OURS = ("Got invalid theme mode",)
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice", "experimental"]
AXE = """async (rules) => (await axe.run({runOnly: rules, resultTypes: ["violations"], preload: false,
    rules: {"color-contrast": {enabled: false}}})).violations"""
# Whether a text stands out depends on its colour, its size and what lies behind it: one text of a kind is enough, and
# hundreds of times faster than all.
CONTRAST = """async () => {
  const known = new Map();
  const ground = (e) => {
    if (!e) return "";
    if (!known.has(e)) {
      const {backgroundColor, backgroundImage, opacity} = getComputedStyle(e);
      const own = `${backgroundColor} ${backgroundImage} ${opacity}`;
      const covers = backgroundColor.startsWith("rgb(") && backgroundImage === "none" && opacity === "1";
      known.set(e, covers ? own : `${own} on ${ground(e.parentElement)}`);
    }
    return known.get(e);
  };
  const kinds = new Map();
  for (const e of document.body.querySelectorAll("*")) {
    const speaks = [...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim());
    if (!speaks || !e.checkVisibility()) continue;
    const {color, fontSize, fontWeight} = getComputedStyle(e);
    const kind = `${color} ${fontSize} ${fontWeight} ${ground(e)}`;
    if (!kinds.has(kind)) kinds.set(kind, e);
  }
  return (await axe.run({include: [...kinds.values()]}, {runOnly: ["color-contrast"], preload: false})).violations;
}"""
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
# A coloured token more is a node more for each rule, and nothing new. (Read all, then write all: a style that is asked
# for after each change is computed anew each time.)
ONE_TOKEN_OF_A_KIND = """() => {
  const kind = (span) => span.className + getComputedStyle(span.closest(".highlight pre")).backgroundColor;
  const spans = [...document.querySelectorAll(".highlight span[class]")].map((span) => [span, kind(span)]);
  const first = new Map([...spans].reverse().map(([span, kind]) => [kind, span]));
  for (const [span, kind] of spans) if (first.get(kind) !== span) span.replaceWith(...span.childNodes);
}"""
SET_MODE = "(mode) => { document.documentElement.dataset.mode = document.documentElement.dataset.theme = mode; }"
STILL = "*, ::before, ::after { transition: none !important; animation: none !important; }"


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
    """All that is tested of a page, on two loads of it: on a desk, and on a telephone."""
    for found in heard.values():
        found.clear()
    page.set_viewport_size(WIDE)
    load(page, address)
    result = {"bytes": page.evaluate(BYTES), "shift": page.evaluate(SHIFT), **page.evaluate(FACTS)}
    result["faults"] = [f"{WIDE['width']} {fault}" for fault in faults(page) + contrasts(page)]
    page.set_viewport_size(NARROW)
    load(page, address)
    result["shift"] = max(result["shift"], page.evaluate(SHIFT))
    result["overflow"] = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    result["cut"] = page.evaluate(CUT)
    result["faults"] += [f"{NARROW['width']} {fault}" for fault in faults(page) + contrasts(page)]
    return result | {name: [*found] for name, found in heard.items()}


def faults(page: Any) -> list[str]:
    """What axe-core finds, but for the contrast: places and sizes, names and parts."""
    page.evaluate(AXE_SCRIPT)
    page.evaluate(ONE_TOKEN_OF_A_KIND)
    return told(page.evaluate(AXE, STANDARDS))


def contrasts(page: Any) -> list[str]:
    """Texts that hardly stand out, in light and dark. (After `faults`, which loads axe-core.)"""
    page.add_style_tag(content=STILL)  # a mode is there at once, and nobody waits for an animation that never ends
    found = []
    for mode in ("dark", "light"):
        page.emulate_media(color_scheme=mode)
        page.evaluate(SET_MODE, mode)
        found += [f"{mode}: {fault}" for fault in told(page.evaluate(CONTRAST))]
    return found


def told(violations: list[dict[str, Any]]) -> list[str]:
    return [f"{rule['id']}: {' '.join(map(str, node['target']))}" for rule in violations for node in rule["nodes"]]
