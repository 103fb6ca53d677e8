"""A class's notebooks: found in a folder or a zip, graded side by side in sandboxes, turned into marks and pages."""

import contextlib
import sys
import time
from pathlib import Path

from tqdm.auto import tqdm

from ... import __version__
from ..sandbox import Sandbox
from .gradebook import Mark, as_csv, as_json, as_junit, marks, pages, summary
from .handed_in import HandedIn, LeftOut, collect, learner_of
from .late import Policy
from .run import Results, Submit, grade_class, on_a_cluster, side_by_side
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
) -> list[Mark]:
    """Grade all notebooks in `place`, a folder or a zip, and write into `out`:

    ``marks.csv``, ``marks.json``, ``marks.xml`` (JUnit), ``feedback/`` with a page a learner, ``summary.html``, and
    ``log.txt``. ``graded.jsonl`` keeps each result as soon as it is there: the same call goes on from it. With a late
    `policy`, marks are what it leaves; the times are those of Moodle's grading `worksheet`, or found out (`times`).
    """
    begin = time.time()
    out.mkdir(parents=True, exist_ok=True)
    handed_in, left_out = collect(place, out / "handed-in")
    came = arrivals(place, handed_in, policy.zone, worksheet) if policy else {}
    results = Results(out / "graded.jsonl", seed)
    known = len({each.key for each in handed_in} & results.found.keys())
    where = on_a_cluster(dask, results.seed, sandbox) if dask else None
    with where or contextlib.nullcontext(side_by_side(jobs, results.seed, sandbox)) as submit:
        grade_class(handed_in, results, _with_progress(submit))
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
    what = f"{len(handed_in)} notebooks, {known} graded before, {len(left_out)} left out"
    _log(out, begin, sandbox, results, what + (", with a late policy" if policy else ""))
    return ours


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
