"""Generation: greedy tokens a second, of one task in a batch, and of eight tasks."""

import random
import sys
from functools import partial

from .rows import Row, alternately, show
from .setting import EXACT, GPT2, LARGE, PREFIX, SOFT, TINY, Method, inputs
from .sides import both

TASKS = 8
ONE_TASK, SEVERAL_TASKS = 1.2, 4.0  # the targets


def measure(quick: bool = False) -> list[Row]:
    """Rows for both models and methods: one task, eight with one request each, and eight with eight each."""
    rows = []
    new_tokens = 4 if quick else 40
    for model, repeats in ((TINY, (2, 2, 2)),) if quick else ((GPT2, (5, 4, 2)), (LARGE, (10, 10, 10))):
        for method in (SOFT, PREFIX):
            rows.append(one_task(model, method, repeats[0], new_tokens))
            rows.append(several_tasks(model, method, 1, repeats[1], new_tokens))
            rows.append(several_tasks(model, method, 8, repeats[2], new_tokens))
            show(rows[-3:])
    return rows


def one_task(model_name: str, method: Method, repeats: int, new_tokens: int) -> Row:
    """A batch of 16 inputs under one prompt."""
    speeds, facts = generation(model_name, method, 16, None, repeats, new_tokens)
    return Row(f"generation, {method}", model_name, "tokens/s", *speeds, at_least=ONE_TASK, facts=facts)


def several_tasks(model_name: str, method: Method, each: int, repeats: int, new_tokens: int) -> Row:
    """`each` requests for each of eight prompts, in mixed order: one batch of ours, a batch an adapter of PEFT's."""
    tasks = random.Random(0).sample([task for task in range(TASKS) for _ in range(each)], TASKS * each)
    speeds, facts = generation(model_name, method, len(tasks), tasks, repeats, new_tokens)
    name = f"generation, {TASKS} tasks × {each}, {method}"
    target = SEVERAL_TASKS if each == 1 else None
    return Row(name, model_name, "tokens/s", *speeds, at_least=target, facts=facts)


def generation(
    model_name: str, method: Method, count: int, tasks: list[int] | None, repeats: int, new_tokens: int
) -> tuple[tuple[list[float], list[float]], dict[str, float]]:
    """Tokens a second of both sides. Raises AssertionError if they write different tokens, or fewer than asked for."""
    ours, theirs = both(model_name, method, TASKS if tasks else 1)
    theirs.model.eval()
    speeds: tuple[list[float], list[float]] = ([], [])
    equal = []
    for turn in range(repeats + 1):
        xs, length = inputs(ours.model, count, seed=turn), new_tokens if turn else 2  # the first time warms up
        calls = [partial(side.generate, xs, length, tasks) for side in (ours, theirs)]
        timed = alternately(calls[0], calls[1], turn)
        (our_time, our_answers), (their_time, their_answers) = timed
        assert all(len(answer) == length for answer in our_answers + their_answers), "an answer ended early"
        equal.append(sum(a == b for a, b in zip(our_answers, their_answers, strict=True)) / count)
        assert equal[-1] == 1 or not EXACT, f"{equal[-1]:.0%} of the answers are equal to PEFT's"
        if turn:
            speeds[0].append(count * length / our_time)
            speeds[1].append(count * length / their_time)
    return speeds, {"share of equal answers": min(equal)}


if __name__ == "__main__":
    measure("--quick" in sys.argv)
