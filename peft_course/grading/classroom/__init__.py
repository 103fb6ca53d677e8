"""A class's notebooks: found in a folder or a zip, graded side by side in sandboxes, turned into marks and pages."""

import contextlib
import sys
import time
from pathlib import Path

from tqdm.auto import tqdm

from ... import __version__
from ..sandbox import Sandbox
from . import similar as alike
from . import variants
from .gradebook import Mark, as_csv, as_json, as_junit, marks, pages, summary
from .handed_in import HandedIn, LeftOut, collect, learner_of
from .late import Policy
from .roster import Roster
from .run import Results, Submit, grade_class, on_a_cluster, refused, side_by_side
from .times import arrivals

__all__ = ["HandedIn", "LeftOut", "Mark", "collect", "grade_folder", "learner_of"]


def grade_folder(
    place: Path,
    out: Path,
    sandbox: Sandbox | None,
    jobs: int = 2,
    dask: str | None = None,
    seed: int | None = None,
    policy: Policy | None = None,
    worksheet: Path | None = None,
    roster: Roster | None = None,
    similar: bool = False,
) -> list[Mark]:
    """Grade all notebooks in `place`, a folder or a zip, and write into `out`:

    ``marks.csv``, ``marks.json``, ``marks.xml`` (JUnit), ``feedback/`` with a page a learner, ``summary.html``, and
    ``log.txt``. ``graded.jsonl`` keeps each result as soon as it is there: the same call goes on from it. With a late
    `policy`, marks are what it leaves; the times are those of Moodle's grading `worksheet`, or found out (`times`).

    With a `roster`, each learner's tasks have the learner's own numbers, and ``variants.csv`` has the answers that are
    right for somebody else's. `similar`: ``similar.html`` and ``similar.json`` have the answers that are alike.
    """
    begin = time.time()
    out.mkdir(parents=True, exist_ok=True)
    handed_in, left_out = collect(place, out / "handed-in")
    came = arrivals(place, handed_in, policy.zone, worksheet) if policy else {}
    results = Results(out / "graded.jsonl", seed)
    strangers: list[HandedIn] = []
    if roster:
        handed_in, strangers = roster.assign(handed_in)
    for each in strangers:
        results.found[each.key] = refused(each, results.seed, f"nobody on the roster is called {each.learner!r}")
    others = roster.variants if roster else ()
    known = len({each.key for each in handed_in} & results.found.keys())
    where = on_a_cluster(dask, results.seed, sandbox, others) if dask else None
    with where or contextlib.nullcontext(side_by_side(jobs, results.seed, sandbox, others)) as submit:
        grade_class(handed_in, results, _with_progress(submit))
    handed_in = [*handed_in, *strangers]
    ours = marks(handed_in, results.found, policy, came)
    for name, text in (
        ("marks.csv", as_csv(ours)),
        ("marks.json", as_json(ours, left_out)),
        ("summary.html", summary(ours, left_out)),
    ):
        (out / name).write_text(text, encoding="utf8")
    (out / "marks.xml").write_bytes(as_junit(ours))
    (out / "feedback").mkdir(exist_ok=True)
    for name, text in pages(ours).items():
        (out / "feedback" / name).write_text(text, encoding="utf8")
    if roster:
        (out / "variants.csv").write_text(variants.as_csv(variants.foreign(ours, roster)), encoding="utf8")
    if similar:
        _compare(out, ours, handed_in, results)
    what = f"{len(handed_in)} notebooks, {known} graded before, {len(left_out)} left out"
    _log(out, begin, sandbox, results, what + (", with a late policy" if policy else ""))
    return ours


def _compare(out: Path, ours: list[Mark], handed_in: list[HandedIn], results: Results) -> None:
    """Writes which answers are alike, of the files that count."""
    counted = {(mark.learner, mark.file) for mark in ours}
    answers: dict[str, dict[str, str]] = {}
    for each in handed_in:
        if (each.learner, each.where) in counted:
            answers.setdefault(each.learner, {}).update(results.found[each.key].get("answers", {}))
    found = alike.alike(answers)
    (out / "similar.html").write_text(alike.as_html(found), encoding="utf8")
    (out / "similar.json").write_text(alike.as_json(found), encoding="utf8")


def _with_progress(submit: Submit) -> Submit:
    return lambda files: iter(tqdm(submit(files), total=len(files), desc="notebooks", unit="notebook"))


def _log(out: Path, begin: float, sandbox: Sandbox | None, results: Results, what: str) -> None:
    tool = f"in {sandbox.tool}" if sandbox else "WITHOUT a sandbox"
    line = (
        f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(begin))}  peft-course {__version__}, Python "
        f"{sys.version.split()[0]}, {tool}, seed {results.seed}: {what}, {time.time() - begin:.0f} s\n"
    )
    with (out / "log.txt").open("a", encoding="utf8") as log:
        log.write(line)
