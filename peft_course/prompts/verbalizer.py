"""From words to classes: a verbalizer scores the words of each label and takes the likeliest.

The model has opinions before it has read anything: contextual calibration (Zhao et al. 2021, arXiv 2102.09690)
measures them on inputs without content and divides them out.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ..lm import LM
from .prompt import Prompt

CONTENT_FREE = ("N/A", "", "...")


class Verbalizer:
    """The words that stand for each label: ``Verbalizer({"positive": ["good", "wonderful"], "negative": ["bad"]})``.

    A label of several tokens is scored by the probability of all of them; the words of one label are alternatives, so
    their probabilities add up.
    """

    def __init__(self, words: Mapping[str, Sequence[str]]) -> None:
        if not words or any(not choices or isinstance(choices, str) for choices in words.values()):
            raise ValueError(f"a verbalizer maps each label to a list of one or more words, got {dict(words)!r}")
        self.words = {label: tuple(choices) for label, choices in words.items()}
        self.labels = tuple(self.words)

    def probabilities(
        self, lm: LM, texts: Sequence[str], prompt: Prompt | None = None, calibrated: bool = False
    ) -> Tensor:
        """p(label | text, prompt) among the labels, ``[B, labels]``; each row sums to 1."""
        scores = torch.stack([self._log_probability(lm, texts, prompt, label) for label in self.labels], dim=1)
        if calibrated:
            prior = self.probabilities(lm, CONTENT_FREE, prompt).mean(dim=0)  # what the model says to nothing
            scores = scores - prior.log()
        return scores.softmax(dim=1)

    def classify(
        self, lm: LM, texts: Sequence[str], prompt: Prompt | None = None, calibrated: bool = False
    ) -> list[str]:
        """The likeliest label of each text."""
        best = self.probabilities(lm, texts, prompt, calibrated).argmax(dim=1)
        return [self.labels[index] for index in best]

    def _log_probability(self, lm: LM, texts: Sequence[str], prompt: Prompt | None, label: str) -> Tensor:
        """log p of any of the label's words ``[B]``. The end of the text is no part of a word, so it is not scored."""
        alternatives = [
            lm.log_probabilities(texts, [word] * len(texts), prompt, end=False) for word in self.words[label]
        ]
        return torch.logsumexp(torch.stack(alternatives), dim=0)
