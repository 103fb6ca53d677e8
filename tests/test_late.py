"""The late policy: deadlines on a clock, days that have begun, extensions; and where the times of files are from."""

import csv
import os
import re
import subprocess
import zipfile
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_classroom import file, result, written, zipped

from peft_course.cli import main
from peft_course.grading.classroom import gradebook, late, times
from peft_course.grading.classroom.handed_in import HandedIn, collect
from peft_course.grading.classroom.late import Arrival, Policy

BERLIN = ZoneInfo("Europe/Berlin")
EXERCISE = "04-soft-prompts"
POLICY = """
timezone = "Europe/Berlin"
grace = 15
percent_a_day = 10
days = 3

[deadlines]
04-soft-prompts = 2026-11-09T23:59:00
05-making-soft-prompts-work = 2026-11-16

[extensions."Ada Lovelace (77)"]
04-soft-prompts = 2026-11-12T12:00:00
"""


def policy(tmp_path: Path, text: str = POLICY) -> Policy:
    (tmp_path / "late.toml").write_text(text, encoding="utf8")
    return late.read(tmp_path / "late.toml")


def at(text: str, zone: Any = BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


# -- the policy, whatever it says -------------------------------------------------------------------------------------
zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"]).map(
    ZoneInfo
)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2029, 12, 31), timezones=st.just(UTC))
hours = st.floats(0, 24 * 400, allow_nan=False).map(lambda hours: timedelta(hours=hours))


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    deadline = draw(moments)
    extension = {EXERCISE: deadline + draw(hours)}
    grace = timedelta(minutes=draw(st.integers(0, 24 * 60)))
    percent, days = draw(st.floats(0, 100)), draw(st.integers(0, 366))
    return Policy(draw(zones), {EXERCISE: deadline}, percent, days, grace, {"ada": extension})


def left(policy: Policy, when: datetime, learner: str = "bob", points: float = 8) -> float:
    arrival = {"a.ipynb": Arrival(when, "a test")}
    (mark,) = gradebook.marks([file(learner)], {"k": result(points=points)}, policy, arrival)
    assert mark.earned == points and mark.deduction >= 0
    return mark.points


@given(policies(), moments, st.integers(0, 8))
def test_points_are_never_below_zero_and_never_above_those_earned(policy: Policy, when: datetime, points: int) -> None:
    assert 0 <= left(policy, when, points=points) <= points


@given(policies(), moments, hours)
def test_who_comes_later_never_has_more(policy: Policy, when: datetime, more: timedelta) -> None:
    assert left(policy, when + more) <= left(policy, when)


@given(policies(), moments)
def test_an_extension_never_makes_it_worse(policy: Policy, when: datetime) -> None:
    assert left(policy, when, "ada") >= left(policy, when, "bob")


@given(policies(), st.integers(0, 8), st.integers(0, 8), moments)
def test_who_earned_more_never_has_less(policy: Policy, one: int, other: int, when: datetime) -> None:
    assert left(policy, when, points=min(one, other)) <= left(policy, when, points=max(one, other))


@given(policies(), moments, st.integers(-14 * 60, 14 * 60))
def test_the_zone_in_which_a_time_is_written_changes_nothing(policy: Policy, when: datetime, minutes: int) -> None:
    elsewhere = when.astimezone(timezone(timedelta(minutes=minutes)))
    assert policy.days_late("bob", EXERCISE, elsewhere) == policy.days_late("bob", EXERCISE, when)


@given(policies())
def test_the_deadline_itself_is_on_time_and_the_moment_after_grace_is_late(policy: Policy) -> None:
    end = policy.end("bob", EXERCISE)
    assert policy.days_late("bob", EXERCISE, end + policy.grace) == 0
    assert policy.days_late("bob", EXERCISE, end + policy.grace + timedelta(seconds=1)) >= 1


# -- the policy, by examples ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("when", "points"),
    [
        ("2026-11-09T23:59:00", 8), ("2026-11-10T00:14:00", 8), ("2026-11-10T00:14:01", 7.2),
        ("2026-11-10T23:59:00", 7.2), ("2026-11-11T00:00:00", 6.4), ("2026-11-12T23:59:00", 5.6),
        ("2026-11-12T23:59:01", 0), ("2027-11-12T23:59:01", 0),
    ],
)  # fmt: skip
def test_each_day_that_has_begun_costs_its_percent_until_nothing_counts(
    tmp_path: Path, when: str, points: float
) -> None:
    assert left(policy(tmp_path), at(when)) == points


def test_a_date_alone_means_its_end_and_an_offset_is_kept(tmp_path: Path) -> None:
    text = POLICY.replace("2026-11-09T23:59:00", "2026-11-09T22:00:00-05:00")
    ours = policy(tmp_path, text)
    assert ours.end("bob", "05-making-soft-prompts-work") == at("2026-11-16T23:59:59.999999")
    assert ours.end("bob", EXERCISE) == at("2026-11-10T04:00:00")


def test_a_day_is_the_next_day_at_the_same_time_where_clocks_change(tmp_path: Path) -> None:
    """In Berlin the night to 25 October 2026 had 25 hours, the one to 28 March 2027 has 23."""
    for deadline, next_day, hours in (
        ("2026-10-24T12:00", "2026-10-25T12:00", 25),
        ("2027-03-27T12:00", "2027-03-28T12:00", 23),
    ):
        ours = policy(tmp_path, POLICY.split("[ext")[0].replace("2026-11-09T23:59:00", f"{deadline}:00"))
        assert ours.end("bob", EXERCISE, 1) == at(next_day)
        assert ours.end("bob", EXERCISE, 1) - ours.end("bob", EXERCISE) == timedelta(hours=hours)


def test_an_extension_goes_by_the_name_or_by_the_number_behind_it(tmp_path: Path) -> None:
    when = at("2026-11-12T11:00:00")
    assert left(policy(tmp_path), when, "Ada Lovelace (77)") == 8 and left(policy(tmp_path), when, "Bob (78)") == 5.6
    assert left(policy(tmp_path, POLICY.replace('"Ada Lovelace (77)"', "77")), when, "Ada (77)") == 8


def test_an_exercise_without_a_deadline_loses_nothing(tmp_path: Path) -> None:
    arrivals = {"a.ipynb": Arrival(at("2030-01-01"), "a test")}
    (mark,) = gradebook.marks([file("a")], {"k": result("06-prefix-tuning")}, policy(tmp_path), arrivals)
    assert (mark.points, mark.late) == (3, "no deadline")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"Europe/Berlin"', '"Berlin"', "no time zone 'Berlin'"),
        ('timezone = "Europe/Berlin"', "", "timezone is missing"),
        ("percent_a_day = 10", "percent_a_day = -10", "percent_a_day is a number from 0 to 100, got -10"),
        ("percent_a_day = 10", "", "percent_a_day is a number from 0 to 100, got None"),
        ("days = 3", "days = 1.5", "days is a whole number, got 1.5"),
        ("days = 3", "days = true", "days is a number from 0 to 366, got True"),
        ("grace = 15", "grce = 15", "grce: not known here; known are timezone, grace"),
        ("[deadlines]", "[deadline]", "deadline: not known here"),
        ("04-soft-prompts = 2026-11-09T23:59:00", "04-soft = 2026-11-09", "names '04-soft', which is no exercise"),
        ("2026-11-09T23:59:00", '"Monday"', "04-soft-prompts is a time such as 2026-11-09T23:59:00, got 'Monday'"),
        ("2026-11-12T12:00:00", "2026-11-02", "ends before the deadline"),
        ("2026-11-09T23:59:00", "9.11.2026", "late.toml: "),
    ],
)
def test_what_makes_no_sense_is_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        policy(tmp_path, POLICY.replace(old, new))


# -- where times are from ---------------------------------------------------------------------------------------------
def arrivals(place: Path, tmp_path: Path, **options: Any) -> dict[str, Arrival]:
    found, _ = collect(place, tmp_path / "copies")
    return times.arrivals(place, found, BERLIN, **options)


def test_moodle_s_worksheet_tells_the_time(tmp_path: Path) -> None:
    """As Moodle writes it in English: British and American dates, 12 and 24 hours, a minus where nothing came."""
    rows = {
        77: "Tuesday, 10 November 2026, 12:05 AM",
        78: "Tuesday, November 10, 2026, 2:14 PM",
        79: "10 November 2026, 14:14",
    }
    lines = [f'Participant {number},"{when}"' for number, when in rows.items()] + ["Participant 80,-"]
    sheet = tmp_path / "w.csv"
    sheet.write_text("\ufeffIdentifier,Last modified (submission)\r\n" + "\r\n".join(lines) + "\r\n", encoding="utf8")
    names = {f"Ada_{number}_assignsubmission_file_/{EXERCISE}.ipynb": b"{}" for number in (77, 78, 79, 80)}
    came = list(arrivals(written(tmp_path / "in", names), tmp_path, worksheet=sheet).values())
    assert [each.when for each in came[:3]] == [
        at("2026-11-10T00:05"), at("2026-11-10T14:14"), at("2026-11-10T14:14")
    ]  # fmt: skip
    assert [each.sure for each in came] == [True, True, True, False]


@pytest.mark.parametrize(
    ("content", "words"),
    [("Identifier,Grade\n", "is no grading worksheet with times"),
     ("Identifier,Last modified (submission)\nParticipant 7,Dienstag 10. Nov.\n", "no time in English in 'Dienstag")],
)  # fmt: skip
def test_a_worksheet_without_times_that_can_be_read_is_named(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "w.csv").write_text(content)
    with pytest.raises(ValueError, match=re.escape(words)):
        times.moodle(tmp_path / "w.csv", BERLIN)


def test_canvas_says_late_or_not_and_no_more(tmp_path: Path) -> None:
    place = written(
        tmp_path / "in", {"bob_LATE_78_9_a.ipynb": b"1", "ada_77_8_a.ipynb": b"2", "eve_LATE_77_8_a.ipynb": b"3"}
    )
    found, _ = collect(place, tmp_path / "copies")
    results = {each.key: result(points=8) for each in found}
    ours = policy(tmp_path, POLICY.replace('"Ada Lovelace (77)"', "77"))
    marks = gradebook.marks(found, results, ours, arrivals(place, tmp_path))
    assert {mark.learner: (mark.points, mark.look) for mark in marks} == {
        "ada (77)": (8, False), "bob (78)": (7.2, True), "eve (77)": (8, True)
    }  # fmt: skip


def test_nbgrader_s_timestamp_is_read_beside_the_notebook(tmp_path: Path) -> None:
    content = {"submitted/ada/4/a.ipynb": b"{}", "submitted/ada/4/timestamp.txt": b"2026-11-09 21:14:03.123456 UTC\n"}
    for place in (written(tmp_path / "in", content), zipped(tmp_path / "in.zip", content)):
        (came,) = arrivals(place, tmp_path).values()
        assert (came.when, came.sure) == (datetime(2026, 11, 9, 21, 14, 3, 123456, UTC), True)
    assert times.nbgrader("2026-11-09 21:14:03.5 Europe/Berlin") == at("2026-11-09T21:14:03.5")
    assert times.nbgrader("yesterday") is None and times.nbgrader("2026-11-09 21:14:03.5 Nowhere/Else") is None


def commit(clone: Path, when: str, **files: str) -> None:
    for name, text in files.items():
        (clone / f"{name}.ipynb").write_text(text)
    who = {f"GIT_{role}_{what}": "ada" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {**os.environ, **who, "GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
    for arguments in (["add", "."], ["commit", "--quiet", "--message", "work"]):
        subprocess.run(["git", *arguments], cwd=clone, env=environment, check=True)


def test_a_clone_tells_the_commit_and_its_configuration_is_not_read(tmp_path: Path) -> None:
    clone = tmp_path / "in" / "ada"
    clone.mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet", "--initial-branch", "main"], cwd=clone, check=True)
    commit(clone, "2026-11-09T21:00:00+01:00", a="1", b="1")
    commit(clone, "2026-11-10T09:00:00+01:00", b="2")
    came = arrivals(tmp_path / "in", tmp_path)
    assert came["ada/a.ipynb"] == Arrival(at("2026-11-09T21:00:00"), "the commit")
    assert came["ada/b.ipynb"].when == at("2026-11-10T09:00:00")
    (clone / "new.ipynb").write_text("3")
    assert arrivals(tmp_path / "in", tmp_path)["ada/new.ipynb"].source == "the file's own time"
    subprocess.run(["git", "pack-refs", "--all"], cwd=clone, check=True)
    subprocess.run(["git", "config", "core.repositoryFormatVersion", "99"], cwd=clone, check=True)
    assert subprocess.run(["git", "log"], cwd=clone, capture_output=True, check=False).returncode  # git reads it, ...
    assert arrivals(tmp_path / "in", tmp_path)["ada/a.ipynb"].when == at("2026-11-09T21:00:00")  # ... and we do not


def test_a_head_that_leaves_the_clone_is_not_followed(tmp_path: Path) -> None:
    for head in ("ref: refs/heads/../../../x", "--output=x", "ref: refs/heads/none"):
        written(tmp_path / "in", {"a/a.ipynb": b"{}", "a/.git/HEAD": head.encode()})
        assert arrivals(tmp_path / "in", tmp_path)["a/a.ipynb"].source == "the file's own time"


def test_a_file_s_own_time_is_the_last_resort_and_said_aloud(tmp_path: Path) -> None:
    place = written(tmp_path / "in", {"ada/a.ipynb": b"{}"})
    os.utime(place / "ada" / "a.ipynb", (at("2026-11-10T12:00").timestamp(),) * 2)
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo("bob/b.ipynb", (2026, 11, 10, 12, 0, 0)), "{}")
    zipped(place / "work.zip", {"c/c.ipynb": b"{}"})
    for where in (place, tmp_path / "in.zip"):
        came = next(iter(arrivals(where, tmp_path).values()))
        assert came.when == at("2026-11-10T12:00") and not came.sure
        assert policy(tmp_path).judge("ada", EXERCISE, came).look
    assert arrivals(place, tmp_path)["work.zip/c/c.ipynb"].source == "the zip's time of the file"
    unknown = policy(tmp_path).judge("ada", EXERCISE, Arrival(None, "nothing", sure=False))
    assert (unknown.share, unknown.look) == (1.0, True) and "not known" in unknown.note


# -- marks ------------------------------------------------------------------------------------------------------------
def test_marks_say_what_was_earned_and_what_was_taken_off(tmp_path: Path) -> None:
    came = {"a.ipynb": Arrival(at("2026-11-11T12:00"), "Moodle's worksheet")}
    ours = gradebook.marks([file("Bob")], {"k": result(points=5)}, policy(tmp_path), came)
    (row,) = csv.DictReader(gradebook.as_csv(ours).splitlines())
    assert (row["points"], row["points earned"], row["deduction"]) == ("4.0", "5.0", "1.0")
    assert (row["handed in"], row["late"]) == ("2026-11-11 12:00:00+01:00", "2 days late")
    (page,) = gradebook.pages(ours).values()
    assert "5 points earned, 1 taken off: 2 days late (handed in 2026-11-11 12:00:00+01:00)." in page
    plain = gradebook.as_csv(gradebook.marks([file("Bob")], {"k": result(points=5)}))
    assert plain.splitlines()[0] == "learner,exercise,points,out of,percent,file,not graded because"


def test_a_late_second_try_takes_nothing_from_the_first(tmp_path: Path) -> None:
    two = [file("ada", "1.ipynb", "1"), file("ada", "2.ipynb", "2")]
    came = {"1.ipynb": Arrival(at("2026-11-09"), "x"), "2.ipynb": Arrival(at("2026-11-12"), "x")}
    results = {"1": result(points=6), "2": result(points=7)}
    (mark,) = gradebook.marks(two, results, policy(tmp_path), came)
    assert (mark.points, mark.file, mark.others) == (6, "1.ipynb", ("2.ipynb",))


def test_times_to_look_at_stand_in_the_summary(tmp_path: Path) -> None:
    came = {"a.ipynb": Arrival(None, "nothing", sure=False)}
    ours = gradebook.marks([file("Bob")], {"k": result()}, policy(tmp_path), came)
    assert f"<li>Bob, {EXERCISE}: time not known, nothing taken off</li>" in gradebook.summary(ours, [])


def test_the_command_takes_the_policy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is graded here: the results are there before."""
    from peft_course.grading.classroom import run

    place = written(tmp_path / "in", {"ada/a.ipynb": b"{}"})
    os.utime(place / "ada" / "a.ipynb", (at("2026-11-10T12:00").timestamp(),) * 2)
    (found,), _ = collect(place, tmp_path / "copies")
    (tmp_path / "out").mkdir()
    run.Results(tmp_path / "out" / "graded.jsonl", seed=1).add(found.key, result(points=5))
    (tmp_path / "late.toml").write_text(POLICY)
    command = ["class", str(place), "--out", str(tmp_path / "out"), "--trust"]
    assert main([*command, "--late", str(tmp_path / "late.toml")]) == 0
    (row,) = csv.DictReader((tmp_path / "out" / "marks.csv").read_text().splitlines())
    assert (row["points"], row["deduction"]) == ("4.5", "0.5")
    assert "not known or not sure: 1 time; " in capsys.readouterr().err
    assert "with a late policy" in (tmp_path / "out" / "log.txt").read_text()
    assert main([*command, "--worksheet", "x.csv"]) == 1 and "give the late policy too" in capsys.readouterr().err


def test_every_file_has_an_arrival(tmp_path: Path) -> None:
    lost = HandedIn("ada", "gone/a.ipynb", tmp_path / "x", "k")
    assert times.arrivals(tmp_path, [lost], BERLIN) == {"gone/a.ipynb": Arrival(None, "nothing", sure=False)}
