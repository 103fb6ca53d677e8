"""Grading: ``check("4.1")`` in a notebook, ``peft-course grade FILE``, and ``pytest --nbval FILE``, by the same rules.

`judge` compares an answer with the right one by its values; `exercises/` has the tasks. `submission` reads a learner's
file, `process` and `worker` run an answer where it reaches nothing, `grade` puts them together. README.md has the
threat model.

Nothing is imported here: the process that runs a learner's code imports this package too, and must not have the
answers.
"""

import builtins
import sys


def check(number: str, seed: int | None = None) -> None:
    """Judge the answer to task `number` in the notebook, or the module, that calls this, and print the verdict.

    The inputs are drawn anew each time; `seed` repeats them. Raises ValueError when there is no such task.
    """
    from .judge import verdict

    shell = getattr(builtins, "get_ipython", lambda: None)()
    names = sys._getframe(1).f_globals if shell is None else shell.user_ns
    mark = verdict(number, names, seed)
    print(f"{'✓' if mark.passed else '✗'} {mark}")
