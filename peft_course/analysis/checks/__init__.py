"""What the doctor looks for: a function for each fault, which gives its findings, or says why it cannot look."""

from .case import Case, Collated, Finding, NotChecked
from .computing import padding, scale
from .fitting import dropout, learning_rate, misfit, other_weights, spaces, too_long, unfrozen
from .labels import labels
from .learning import dead, tied

__all__ = [
    "Case",
    "Collated",
    "Finding",
    "NotChecked",
    "dead",
    "dropout",
    "labels",
    "learning_rate",
    "misfit",
    "other_weights",
    "padding",
    "scale",
    "spaces",
    "tied",
    "too_long",
    "unfrozen",
]
