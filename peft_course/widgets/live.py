"""An interactive figure as ipywidgets."""

from html import escape
from typing import Any

import ipywidgets as widgets

from .figure import Control, InteractiveFigure
from .page import picture, table

STYLE = {"description_width": "initial"}


def live(figure: InteractiveFigure) -> widgets.VBox:
    """Controls, a sentence, the picture and its values; a change of a control changes the rest."""
    state = dict(figure.start)
    controls = {control.name: _widget(control, state) for control in figure.controls}
    sentence, drawing, values = widgets.HTML(), widgets.HTML(), widgets.HTML()
    settling = False

    def show() -> None:
        try:
            shown = figure.show(state)
        except ValueError as error:  # numbers that fit no model
            sentence.value = escape(str(error))
            return
        sentence.value, drawing.value = escape(shown.sentence), picture(shown, figure.alt)
        values.value = table(shown)

    def change(control: Control, value: Any) -> None:
        nonlocal settling
        if settling:  # the controls below are being set by this function itself
            return
        settling = True
        try:
            state[control.name] = value
            if control.otherwise:
                state[control.depends] = control.otherwise
            state.update(figure.settled(state))
            for each in figure.controls:
                if each.depends and each.kind != "number":
                    controls[each.name].options = each.choices(state)
                controls[each.name].value = state[each.name]
        finally:
            settling = False
        show()

    for control in figure.controls:
        controls[control.name].observe(lambda event, control=control: change(control, event["new"]), names="value")
    show()
    # A button, because the keyboard does not reach the head of an accordion.
    unfold = widgets.ToggleButton(description="Values", tooltip="the picture's values as a table")
    values.layout.display = "none"
    unfold.observe(lambda event: setattr(values.layout, "display", None if event["new"] else "none"), names="value")
    return widgets.VBox([*controls.values(), sentence, drawing, unfold, values])


def _widget(control: Control, state: dict[str, Any]) -> Any:
    common = {"description": control.label, "style": STYLE, "layout": {"width": "auto", "max_width": "34em"}}
    if control.kind == "number":
        return widgets.BoundedIntText(value=state[control.name], min=control.minimum, max=10**15, **common)
    kinds = {"select": widgets.Dropdown, "radio": widgets.RadioButtons, "range": widgets.SelectionSlider}
    return kinds[control.kind](options=control.choices(state), value=state[control.name], **common)
