"""The search finds what is written in formulas: `P_\\theta` in the source is P_θ for the reader."""

import re

from sphinx.application import Sphinx
from sphinx.search.en import SearchEnglish

NAMES = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigmaf sigma tau"
NAMES += " upsilon phi chi psi omega"
GREEK = {name: chr(0x3B1 + place) for place, name in enumerate(NAMES.split())}
GREEK |= {name.capitalize(): letter.upper() for name, letter in GREEK.items()}
LETTER = re.compile(rf"\\({'|'.join(GREEK)})(?![A-Za-z])")


class SearchFormulas(SearchEnglish):
    """English, with Greek letters for their names in LaTeX."""

    def split(self, text: str) -> list[str]:
        letters = LETTER.sub(lambda found: GREEK[found[1]], text)
        return super().split(re.sub(r"(?<=_)\{\s*(\w+)\s*\}", r"\1", letters))


def setup(app: Sphinx) -> dict[str, object]:
    app.add_search_language(SearchFormulas)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
