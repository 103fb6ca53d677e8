"""Exercises for the chapter *Soft prompts* (Lester et al. 2021)."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from ..models import model
from ..task import Draw, Mistake, Task, value
from ..varied import varied, without

EDITION = 1


# -- 4.1 Predict: how many numbers -------------------------------------------------------------------------------------
def _numbers(tokens: int = 20) -> Task:
    return Task(
        number="4.1",
        title="how many numbers",
        name="numbers",
        reference=tokens * 768,
        probe=value,
        phrases=(f"a soft prompt of {tokens} virtual tokens",),
        mistakes=(
            Mistake(
                "The vectors enter once, at the input. You counted a vector for each of GPT-2's 12 blocks.",
                tokens * 768 * 12,
            ),
            Mistake("You counted the tokens. Each of them is a vector of D numbers.", tokens),
            Mistake(
                "A virtual token has no row in the vocabulary: nothing is learnt for the 50,257 tokens.", tokens * 50257
            ),
        ),
    )


NUMBERS = varied(_numbers, tokens=without(range(11, 101), 20))


# -- 4.2 In front ------------------------------------------------------------------------------------------------------
def put_in_front(vectors: Tensor, embedded: Tensor) -> Tensor:
    """``[P, D]`` and ``[B, T, D]`` → ``[B, P + T, D]``."""
    return torch.cat([vectors.expand(len(embedded), -1, -1), embedded], dim=1)


def _behind(vectors: Tensor, embedded: Tensor) -> Tensor:
    return torch.cat([embedded, vectors.expand(len(embedded), -1, -1)], dim=1)


def _added(vectors: Tensor, embedded: Tensor) -> Tensor:
    return embedded + vectors.mean(dim=0)


def _first_text_only(vectors: Tensor, embedded: Tensor) -> Tensor:
    return torch.cat([vectors, embedded[0]])


PUT_IN_FRONT = Task(
    number="4.2",
    title="put the vectors in front",
    name="put_in_front",
    reference=put_in_front,
    draw=lambda draw: (draw.normal(draw.integer(2, 5), 8), draw.normal(draw.integer(2, 4), draw.integer(6, 9), 8)),
    mistakes=(
        Mistake("The vectors stand behind the text. Soft prompts stand in front of it.", _behind),
        Mistake(
            "The vectors are added to the text's embeddings. They take places of their own: the row gets longer.",
            _added,
        ),
        Mistake(
            "Only the first text of the batch is left. Each of the B rows gets the same vectors.", _first_text_only
        ),
    ),
)


# -- 4.3 Find the bug: whose logits ------------------------------------------------------------------------------------
def answer_loss(logits: Tensor, answer: Tensor, num_virtual_tokens: int, num_input_tokens: int) -> Tensor:
    """``[P + T_x + T_y, V]``, ``[T_y]`` → the mean loss of the answer's tokens."""
    start = num_virtual_tokens + num_input_tokens
    return cross_entropy(logits[start - 1 : -1], answer)


def _vectors_forgotten(logits: Tensor, answer: Tensor, num_virtual_tokens: int, num_input_tokens: int) -> Tensor:
    return cross_entropy(logits[num_input_tokens - 1 :][: len(answer)], answer)


def _not_shifted(logits: Tensor, answer: Tensor, num_virtual_tokens: int, num_input_tokens: int) -> Tensor:
    return cross_entropy(logits[num_virtual_tokens + num_input_tokens :], answer)


def _summed(logits: Tensor, answer: Tensor, num_virtual_tokens: int, num_input_tokens: int) -> Tensor:
    return answer_loss(logits, answer, num_virtual_tokens, num_input_tokens) * len(answer)


def _draw_logits(draw: Draw) -> tuple[Any, ...]:
    P, x, y = draw.integer(2, 5), draw.integer(2, 5), draw.integer(2, 4)
    return draw.normal(P + x + y, 11), draw.tokens(y, vocabulary=11), P, x


ANSWER_LOSS = Task(
    number="4.3",
    title="whose logits are these?",
    name="answer_loss",
    reference=answer_loss,
    draw=_draw_logits,
    mistakes=(
        Mistake(
            "The bug is still there: with P vectors in front, every place of the text is P further on.",
            _vectors_forgotten,
        ),
        Mistake("Off by one: the logits at a place are about the token that comes next.", _not_shifted),
        Mistake("This is the sum over the answer's tokens; the mean was asked for.", _summed),
    ),
)


# -- 4.4 A module ------------------------------------------------------------------------------------------------------
class SoftPrompt(nn.Module):
    """Learnt `vectors` ``[P, D]`` that start as `start`."""

    def __init__(self, start: Tensor) -> None:
        super().__init__()
        self.vectors = nn.Parameter(start.clone())

    def forward(self, embedded: Tensor) -> Tensor:
        return put_in_front(self.vectors, embedded)


class _NoParameter(SoftPrompt):
    def __init__(self, start: Tensor) -> None:
        nn.Module.__init__(self)
        vars(self)["vectors"] = start.clone()


class _Buffer(SoftPrompt):
    def __init__(self, start: Tensor) -> None:
        nn.Module.__init__(self)
        self.register_buffer("vectors", start.clone())


class _Detached(SoftPrompt):
    def forward(self, embedded: Tensor) -> Tensor:
        return put_in_front(self.vectors.detach(), embedded)


class _RandomStart(SoftPrompt):
    def __init__(self, start: Tensor) -> None:
        super().__init__(torch.zeros_like(start))


def soft_prompt_probe(answer, start, embedded, weight):
    """What the module gives, what it trains, and which gradient reaches it."""
    module = answer(start)
    given = module(embedded)
    trained = {name: list(p.shape) for name, p in module.named_parameters()}
    state = list(module.state_dict())
    if given.requires_grad:
        (given * weight).sum().backward()
    gradients = [p.grad for p in module.parameters() if p.grad is not None]
    return {"output": given, "trained": trained, "saved": state, "gradients": gradients}


def _draw_module(draw: Draw) -> tuple[Any, ...]:
    P, B, T = draw.integer(2, 5), draw.integer(2, 3), draw.integer(6, 8)
    return draw.normal(P, 8), draw.normal(B, T, 8), draw.normal(B, P + T, 8)


SOFT_PROMPT = Task(
    number="4.4",
    title="a module that learns",
    name="SoftPrompt",
    reference=SoftPrompt,
    probe=soft_prompt_probe,
    draw=_draw_module,
    points=2,
    mistakes=(
        Mistake(
            "The vectors are a plain tensor: an optimiser does not find them. Wrap them in nn.Parameter.", _NoParameter
        ),
        Mistake("A buffer is saved, but not trained. Wrap the vectors in nn.Parameter.", _Buffer),
        Mistake("No gradient reaches the vectors: they are detached on the way to the output.", _Detached),
        Mistake("The vectors do not start as `start`.", _RandomStart),
    ),
)


# -- 4.5 Words as vectors ----------------------------------------------------------------------------------------------
def as_vectors(lm: Any, words: str) -> Tensor:
    """The vectors ``[P, D]`` that the model reads when it reads `words`."""
    return lm.embedding_matrix[lm.encode(words)]


def _normalised(lm: Any, words: str) -> Tensor:
    return normalize(as_vectors(lm, words), dim=-1)


def _one_vector(lm: Any, words: str) -> Tensor:
    return as_vectors(lm, words).mean(dim=0, keepdim=True)


def _in_a_batch(lm: Any, words: str) -> Tensor:
    return as_vectors(lm, words)[None]


def _draw_words(draw: Draw) -> tuple[Any, ...]:
    words = draw.choice(["Translate to German:", "English:", "How was the film? Say in one word:", "The dog sees"])
    return model("course-gpt"), words


AS_VECTORS = Task(
    number="4.5",
    title="words as vectors",
    name="as_vectors",
    reference=as_vectors,
    draw=_draw_words,
    models=("course-gpt",),
    mistakes=(
        Mistake("The rows were normalised. The model reads them at the length they have.", _normalised),
        Mistake("The words were averaged into one vector. There is a vector for each token.", _one_vector),
        Mistake("There is a dimension too many: [P, D] was asked for, without a batch.", _in_a_batch),
    ),
)


# -- 4.6 The nearest tokens --------------------------------------------------------------------------------------------
def nearest(vectors: Tensor, matrix: Tensor) -> Tensor:
    """For each vector ``[P, D]`` the row of the matrix ``[V, D]`` with the largest cosine: ``[P]``."""
    return (normalize(vectors, dim=-1) @ normalize(matrix, dim=-1).T).argmax(dim=-1)


def _by_product(vectors: Tensor, matrix: Tensor) -> Tensor:
    return (vectors @ matrix.T).argmax(dim=-1)


def _by_distance(vectors: Tensor, matrix: Tensor) -> Tensor:
    return torch.cdist(vectors, matrix).argmin(dim=-1)


def _farthest(vectors: Tensor, matrix: Tensor) -> Tensor:
    return (normalize(vectors, dim=-1) @ normalize(matrix, dim=-1).T).argmin(dim=-1)


def _draw_matrix(draw: Draw) -> tuple[Any, ...]:
    lengths = draw.normal(40, 1).exp()  # rows of very different lengths, so that the three notions of near differ
    return draw.normal(12, 6) * 2, draw.normal(40, 6) * lengths


NEAREST = Task(
    number="4.6",
    title="the nearest tokens",
    name="nearest",
    reference=nearest,
    draw=_draw_matrix,
    mistakes=(
        Mistake("This is the largest dot product: long rows win. Divide by both lengths.", _by_product),
        Mistake("This is the smallest distance. The cosine asks for the angle alone.", _by_distance),
        Mistake("These are the farthest: a large cosine means near.", _farthest),
    ),
)


# -- 4.7 Design: a fair report -----------------------------------------------------------------------------------------
def fair_score(validation: Tensor, test: Tensor) -> Tensor:
    """Scores of R learning rates × S seeds ``[R, S]`` → the mean test score of the rate chosen on validation."""
    return test[validation.mean(dim=1).argmax()].mean()


def _chosen_on_test(validation: Tensor, test: Tensor) -> Tensor:
    return test.mean(dim=1).max()


def _best_run(validation: Tensor, test: Tensor) -> Tensor:
    return test.flatten()[validation.argmax()]


def _luckiest_seed(validation: Tensor, test: Tensor) -> Tensor:
    return test[validation.mean(dim=1).argmax()].max()


def _reported_validation(validation: Tensor, test: Tensor) -> Tensor:
    return validation.mean(dim=1).max()


FAIR_SCORE = Task(
    number="4.7",
    title="a score to report",
    name="fair_score",
    reference=fair_score,
    draw=lambda draw: (draw.normal(6, 5), draw.normal(6, 5)),
    mistakes=(
        Mistake("The rate was chosen on the test scores. Then they no longer measure anything new.", _chosen_on_test),
        Mistake("This reports the single best run. A rate is judged by the mean over its seeds.", _best_run),
        Mistake("This reports the luckiest seed of the chosen rate. Report the mean over its seeds.", _luckiest_seed),
        Mistake(
            "This reports validation scores. They were used for choosing, so they are too high.", _reported_validation
        ),
    ),
)

TASKS = (NUMBERS, PUT_IN_FRONT, ANSWER_LOSS, SOFT_PROMPT, AS_VECTORS, NEAREST, FAIR_SCORE)
