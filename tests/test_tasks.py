"""The tasks: deterministic, disjoint by content, unseen in pretraining; E2E from a folder and from the Hub."""

import csv
import re
from collections.abc import Callable
from pathlib import Path

import datasets
import pytest

from peft_course import tasks
from peft_course.tasks.e2e import linearise
from peft_course.tasks.task import Task, split_of, splits
from peft_course.world.held_out import is_held_out
from peft_course.world.restaurants import Record, slot_errors

REAL_E2E = Path(__file__).parents[2] / "shared" / "data" / "e2e"
GENERATED = {"translation": tasks.translation, "table_to_text": tasks.table_to_text, "sentiment": tasks.sentiment}
SMALL = {"train": 60, "validation": 20, "test": 30}

generated = pytest.mark.parametrize("make", GENERATED.values(), ids=GENERATED)


def inputs(task: Task, split: str) -> list[str]:
    return list(getattr(task, split)["x"])


@generated
def test_a_task_has_the_sizes_and_columns_asked_for(make: Callable[..., Task]) -> None:
    task = make(**SMALL)
    for split, size in SMALL.items():
        assert len(getattr(task, split)) == size
        assert {"x", "y"} <= set(getattr(task, split).column_names)
    assert task.wording in task.wordings.values()
    assert all(wording.count("{x}") == 1 for wording in task.wordings.values())


@generated
def test_a_task_depends_on_its_seed_alone(make: Callable[..., Task]) -> None:
    assert inputs(make(**SMALL), "test") == inputs(make(**SMALL), "test") != inputs(make(**SMALL, seed=1), "test")


@generated
def test_splits_share_no_content_not_even_across_seeds(make: Callable[..., Task]) -> None:
    first, second = make(**SMALL), make(**SMALL, seed=1)
    contents = {split: {*inputs(first, split), *inputs(second, split)} for split in SMALL}
    assert not contents["train"] & contents["test"]
    assert not contents["train"] & contents["validation"]
    assert not contents["validation"] & contents["test"]
    assert all(len(set(inputs(first, split))) == size for split, size in SMALL.items())


@generated
def test_no_example_is_of_the_pretraining_corpus(make: Callable[..., Task]) -> None:
    task = make(**SMALL)
    assert all(is_held_out(x) for split in SMALL for x in inputs(task, split))


@generated
def test_a_smaller_split_is_the_beginning_of_a_larger_one(make: Callable[..., Task]) -> None:
    small, large = make(train=10, validation=20, test=30), make(train=60, validation=20, test=50)
    assert inputs(small, "train") == inputs(large, "train")[:10]
    assert inputs(small, "test") == inputs(large, "test")[:30]


@generated
def test_every_answer_is_one_line(make: Callable[..., Task]) -> None:
    for row in make(**SMALL).train:
        assert row["x"] == row["x"].strip()
        assert row["y"] == row["y"].strip() != ""
        assert "\n" not in row["y"]


@generated
def test_a_size_below_one_is_refused(make: Callable[..., Task]) -> None:
    with pytest.raises(ValueError, match="the test split has the size 0; ask for at least 1 example"):
        make(test=0)


def test_more_examples_than_there_are_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("peft_course.tasks.task.PATIENCE", 1_000)
    word = next(word for word in map(str, range(1_000)) if is_held_out(word) and split_of(word) == "train")
    with pytest.raises(ValueError, match="the train split has the size 2, but only 1 different examples were found"):
        splits(lambda rng: (word, {"x": word}), 0, {"train": 2})


def test_table_to_text_answers_tell_their_record_in_the_style_asked_for() -> None:
    seen, house = tasks.table_to_text(**SMALL), tasks.table_to_text("house", **SMALL)
    for row in [*seen.test, *house.test]:
        assert slot_errors(Record.parse(row["record"]), row["y"]) == 0
    assert all(y.startswith("Welcome to ") for y in house.test["y"])
    assert inputs(seen, "test") == inputs(house, "test")
    with pytest.raises(ValueError, match="there is no style 'rococo'; use one of seen, house, plain"):
        tasks.table_to_text("rococo")


def test_sentiment_has_labels_and_the_words_for_them_in_every_wording() -> None:
    task = tasks.sentiment(**SMALL)
    assert set(task.train["y"]) == set(task.labels or ()) == {"positive", "negative"}
    assert task.verbalizers.keys() == task.wordings.keys()
    assert all(words.keys() == {"positive", "negative"} for words in task.verbalizers.values())
    assert task.verbalizers["was it good"] == {"positive": ["yes"], "negative": ["no"]}


def test_a_task_prints_its_sizes_and_an_example() -> None:
    task = tasks.sentiment(**SMALL)
    assert str(task).startswith("Task sentiment: 60 training, 20 validation and 30 test examples, scored by accuracy\n")
    assert task.test[0]["x"] in str(task)


def write(folder: Path, rows: dict[str, list[tuple[str, str]]], header: tuple[str, str] = ("mr", "ref")) -> Path:
    for split, pairs in rows.items():
        with (folder / f"{split}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *pairs])
    return folder


MILL, LAMP = "name[The Mill], eatType[pub], near[Café Rio]", "name[Lamp], food[Thai]"
ROWS = {"train": [(MILL, "The Mill is a pub near Café Rio."), (MILL, "A pub, The Mill.")],
        "validation": [(LAMP, "Lamp is Thai.")],
        "test": [(LAMP, "Lamp is Thai."), (MILL, "Go to The Mill."), (LAMP, "Thai food at Lamp.")]}


def test_e2e_reads_a_folder(tmp_path: Path) -> None:
    task = tasks.e2e(write(tmp_path, ROWS))
    assert task.train.to_list() == [
        {"x": "name: The Mill | type: pub | near: Café Rio", "y": "The Mill is a pub near Café Rio."},
        {"x": "name: The Mill | type: pub | near: Café Rio", "y": "A pub, The Mill."}]
    assert task.test.to_list() == [
        {"x": "name: Lamp | food: Thai", "y": "Lamp is Thai.", "references": ["Lamp is Thai.", "Thai food at Lamp."]},
        {"x": "name: The Mill | type: pub | near: Café Rio", "y": "Go to The Mill.", "references": ["Go to The Mill."]}]
    assert task.metric == "bleu"


def test_e2e_takes_a_seeded_sample_of_the_size_asked_for(tmp_path: Path) -> None:
    rows = {**ROWS, "train": [(f"name[Number {n}]", f"Number {n}.") for n in range(50)]}
    folder = write(tmp_path, rows)
    assert inputs(tasks.e2e(folder, train=5), "train") == inputs(tasks.e2e(folder, train=5), "train")
    assert inputs(tasks.e2e(folder, train=5), "train") != inputs(tasks.e2e(folder, train=5, seed=1), "train")
    assert len(tasks.e2e(folder, train=5).test) == 2
    with pytest.raises(ValueError, match="train=51: the train split of E2E has 50 examples; ask for 1 to 50"):
        tasks.e2e(folder, train=51)


def test_a_meaning_representation_is_written_like_the_records_of_the_course() -> None:
    mr = ("name[Blue Spice], eatType[pub], food[English], priceRange[£20-25], customer rating[5 out of 5], "
          "area[city centre], familyFriendly[no], near[Café Rio]")
    assert linearise(mr) == ("name: Blue Spice | type: pub | food: English | price: £20-25 | area: city centre | "
                             "rating: 5 out of 5 | family: no | near: Café Rio")
    assert linearise("colour[red], name[A]") == "name: A | colour: red"
    with pytest.raises(ValueError, match=re.escape("'The Mill' is no meaning representation; write it like 'name[")):
        linearise("The Mill")


def test_e2e_says_what_is_missing_in_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no file .*train\.csv; an E2E folder holds train\.csv"):
        tasks.e2e(tmp_path)
    with pytest.raises(ValueError, match=r"train\.csv has the columns \['a', 'b'\]; E2E needs mr and ref"):
        tasks.e2e(write(tmp_path, ROWS, header=("a", "b")))
    with pytest.raises(ValueError, match=r"train\.csv has no rows"):
        tasks.e2e(write(tmp_path, {**ROWS, "train": []}))


def test_e2e_reads_the_hub_s_parquet_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    def load_dataset(path: str, revision: str) -> dict[str, datasets.Dataset]:
        assert (path, revision) == ("tuetschek/e2e_nlg", "refs/convert/parquet")
        return {split: datasets.Dataset.from_list([{"meaning_representation": mr, "human_reference": ref}
                                                   for mr, ref in pairs]) for split, pairs in ROWS.items()}

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    assert inputs(tasks.e2e(), "test") == ["name: Lamp | food: Thai", "name: The Mill | type: pub | near: Café Rio"]


def test_e2e_without_a_connection_asks_for_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def load_dataset(path: str, revision: str) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(ConnectionError, match="without a connection, pass folder=, a folder that holds"):
        tasks.e2e()


@pytest.mark.skipif(not REAL_E2E.is_dir(), reason="the E2E data do not lie beside the repository")
def test_the_official_e2e_splits_are_read_as_they_are() -> None:
    task = tasks.e2e(REAL_E2E)
    assert (len(task.train), len(task.validation), len(task.test)) == (42_061, 547, 630)
    assert sum(map(len, task.test["references"])) == 4_693
