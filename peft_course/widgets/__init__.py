"""Figures to operate: ipywidgets in a notebook, the same figure as a page of the book, a picture where neither runs."""

from .attention import attention_budget
from .calculator import parameters_calculator
from .figure import Control, InteractiveFigure, Shown
from .studies import low_data, stability

__all__ = [
    "Control",
    "InteractiveFigure",
    "Shown",
    "attention_budget",
    "low_data",
    "parameters_calculator",
    "stability",
]
