"""Figures to operate: a control changes what is shown, the data are the store's, and the page carries them whole."""

import json
import re
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest
from random_models import random_lm

from peft_course import Prefix
from peft_course.analysis import attention_by_position
from peft_course.reproduction import Store
from peft_course.reproduction.statistics import interval
from peft_course.widgets import InteractiveFigure, attention_budget, low_data, parameters_calculator, stability
from peft_course.widgets.live import live
from peft_course.widgets.page import page

FIGURES = {
    "attention": lambda: attention_budget(random_lm("llama"), Prefix(random_lm("llama"), 3), ["a cab", "<b> & c"]),
    "stability": stability,
    "low data": low_data,
    "calculator": parameters_calculator,
}


@pytest.fixture(scope="module", params=FIGURES, ids=str)
def figure(request: pytest.FixtureRequest) -> InteractiveFigure:
    return FIGURES[request.param]()


def parts(widget: Any) -> tuple[dict[str, Any], list[str]]:
    """The controls of a live figure by their labels, and what it shows: sentence, picture, values."""
    *controls, sentence, drawing, _, values = widget.children
    return {each.description: each for each in controls}, [sentence.value, drawing.value, values.value]


def operate(control: Any) -> None:
    """Give a control another value."""
    if hasattr(control, "options"):
        control.value = next(option for option in control.options if option != control.value)
    else:
        control.value += 1


def changes_what_is_shown(figure: InteractiveFigure, label: str, choice: str) -> bool:
    """Whether this control does, where the figure's first control stands at `choice`."""
    widget = live(figure)
    controls, _ = parts(widget)
    controls[figure.controls[0].label].value = choice
    before = parts(widget)[1]
    if len(getattr(controls[label], "options", "ab")) < 2:
        return False
    operate(controls[label])
    return bool(parts(widget)[1] != before)


def test_every_control_changes_what_is_shown(figure: InteractiveFigure) -> None:
    choices = parts(live(figure))[0][figure.controls[0].label].options
    for control in figure.controls:
        if control.name not in ("heads", "kv_heads"):  # one alone makes no shape; see below
            assert any(changes_what_is_shown(figure, control.label, choice) for choice in choices), control.label


def test_a_live_figure_has_a_text_for_its_picture(figure: InteractiveFigure) -> None:
    assert re.search(r'<img alt="[^"]{40,}"', parts(live(figure))[1][1])


def test_the_values_are_unfolded_by_a_button(figure: InteractiveFigure) -> None:
    *_, unfold, values = live(figure).children
    assert values.layout.display == "none"
    unfold.value = True
    assert values.layout.display is None and "<table>" in values.value
    unfold.value = False
    assert values.layout.display == "none"


def test_a_token_that_looks_like_a_tag_is_shown() -> None:
    lm = random_lm("llama")
    widget = live(attention_budget(lm, Prefix(lm, 3), ["a <b> & c"]))
    slider = parts(widget)[0]["Token"]
    slider.value = next(option for option in slider.options if option.endswith(": <"))
    assert ": &lt;: " in parts(widget)[1][0]


def test_the_page_is_well_formed_and_has_picture_caption_and_data(figure: InteractiveFigure) -> None:
    root = ET.fromstring(page(figure))
    image, script = root.find(".//img"), root.find("script")
    assert root.attrib["data-interactive"] == figure.kind and root.attrib["id"] == figure.name
    assert image is not None and image.attrib["alt"].startswith(figure.alt)
    assert image.attrib["src"].startswith("data:image/png;base64,")
    assert "".join(root.find("figcaption").itertext()) == figure.caption  # type: ignore[union-attr]
    assert script is not None and json.loads(script.text or "")["data"] == json.loads(json.dumps(figure.data))


def test_no_letter_of_the_data_can_begin_a_tag() -> None:
    content = re.search(r"<script[^>]*>(.*)</script>", page(FIGURES["attention"]()), re.DOTALL)
    assert content is not None and not set("<>&") & set(content[1])


def test_a_figure_is_widgets_where_somebody_can_operate_them(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = parameters_calculator()
    monkeypatch.setenv("PEFT_COURSE_FIGURES", "static")
    static = figure._repr_mimebundle_()
    monkeypatch.delenv("PEFT_COURSE_FIGURES")
    alive = figure._repr_mimebundle_()
    assert set(static) == {"text/plain", "text/html"}
    assert "application/vnd.jupyter.widget-view+json" in alive and "text/html" not in alive
    assert static["text/plain"].startswith("On GPT-2 medium, “prefix, perceptron” trains 25,482,752 numbers")


def test_what_depends_on_a_control_follows_it() -> None:
    widget = live(stability())
    controls = parts(widget)[0]
    controls["Measured"].value = "score"
    controls["Runs"].value = "sweep of five methods, house style"
    assert list(controls["Measured"].options) == ["loss"] and controls["Measured"].value == "loss"
    controls["Runs"].value = "initial values, sentiment, 20 examples"
    assert list(controls["Measured"].options) == ["loss", "score"]
    assert "labels" in parts(widget)[1][2]


def test_a_number_of_one_s_own_makes_the_model_one_s_own() -> None:
    widget = live(parameters_calculator())
    controls = parts(widget)[0]
    controls["Model"].value = "Llama 3 8B"
    assert controls["Heads of keys and values H"].value == 8
    controls["Heads of keys and values H"].value = 5
    assert "not a multiple of 5" in parts(widget)[1][0]
    controls["Heads of keys and values H"].value = 4
    assert controls["Model"].value == "a model of your own" and controls["Layers L"].value == 32
    assert "On a model of your own" in parts(widget)[1][0]


# -- the data are the store's ------------------------------------------------------------------------------------------
def lines(**wanted: Any) -> list[dict[str, Any]]:
    """The stored runs with these settings, as they stand in the file."""
    records = ({"settings": record.settings, "result": record.result} for record in Store())
    return [each for each in records if all(each["settings"].get(key) == value for key, value in wanted.items())]


def curve_of(figure: InteractiveFigure, view: str, measure: str, name: str) -> dict[str, Any]:
    curves = figure.data["views"][view]["measures"][measure]["curves"]
    return next(each for each in curves if each["name"] == name)


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("prefix, flat", {"method": "PrefixTuning", "bottleneck": None}),
        ("prefix, perceptron", {"method": "PrefixTuning"}),
    ],
)
def test_the_rates_show_the_stored_losses(name: str, method: dict[str, Any]) -> None:
    drawn = curve_of(stability(), "learning rates, house style", "loss", name)
    for rate, values, mean in zip(drawn["x"], drawn["values"], drawn["means"], strict=True):
        runs = lines(method=method, learning_rate=rate, steps=160, data={"name": "house style"})
        found = {each["settings"].get("seed", 0): each["result"]["validation loss"] for each in runs}
        assert values == pytest.approx([found[seed] for seed in range(5)], abs=1e-6)
        assert mean == pytest.approx(interval(values).mean, abs=1e-5)


def test_few_examples_show_the_stored_scores() -> None:
    drawn = curve_of(low_data(), "house style", "score", "fine-tuning")
    assert drawn["x"] == [10, 20, 50, 100, 200, 500, 1000]
    for size, values in zip(drawn["x"][:6], drawn["values"], strict=False):
        data = {"name": "house style", "examples": size}
        runs = [run for run in lines(method={"method": "Full"}, data=data) if "scores" in run["result"]]
        found = {run["settings"].get("seed", 0): run["result"]["scores"]["exact_match"][0] for run in runs}
        assert values == pytest.approx([found[seed] for seed in range(5)], abs=1e-6)


def test_how_far_a_method_is_ahead_is_a_difference_seed_by_seed() -> None:
    figure = low_data()
    prefix, tuned = (curve_of(figure, "translation", "score", name) for name in ("prefix", "fine-tuning"))
    ahead = curve_of(figure, "translation", "ahead of fine-tuning", "prefix")
    assert np.array(ahead["values"]) == pytest.approx(np.array(prefix["values"]) - np.array(tuned["values"]), abs=1e-5)


def test_the_attention_budget_shows_what_the_model_spends() -> None:
    lm = random_lm("llama")
    prefix = Prefix(lm, 3)
    figure = attention_budget(lm, prefix, ["a cab"])
    shares = np.array(figure.data["texts"]["1. a cab"]["shares"])
    assert shares == pytest.approx(attention_by_position(lm, prefix, "a cab"), abs=1e-4)
    shown = figure.show({"text": "1. a cab", "position": "3: c"})
    assert shown.table[1][1] == f"{100 * shares[0, 0, 2]:.0f} %"


def test_an_attention_budget_needs_a_text() -> None:
    lm = random_lm("llama")
    with pytest.raises(ValueError, match="got none; give at least one"):
        attention_budget(lm, Prefix(lm, 3), [])
