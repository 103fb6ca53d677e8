"""What an interactive figure is: data, controls, and a function from their state to what is shown.

The same three make ipywidgets in a notebook (`live.py`) and a figure in the book (`page.py`), where a script in
`book/_assets/interactive/` takes the function's place.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

State = Mapping[str, Any]  # the value of each control, by its name
STATIC = "PEFT_COURSE_FIGURES"  # "static" where nobody can operate widgets: when the book's notebooks are run


@dataclass(frozen=True)
class Control:
    """A control by `name`: a list of choices, all seen ("radio") or not ("select"), in a row ("range"), or a number.

    Where `depends` names another control, `options` has the choices for each of its values; of a number, the value
    that it then gets. A number that was typed in sets the control that it depends on to `otherwise`. In the book, the
    controls of a `group` are folded under its name.
    """

    name: str
    label: str
    kind: Literal["select", "radio", "range", "number"]
    value: str | int
    options: Sequence[str] | Mapping[str, Sequence[str]] | Mapping[str, int] = ()
    depends: str = ""
    otherwise: str = ""
    minimum: int = 1
    group: str = ""

    def choices(self, state: State) -> list[str]:
        """The options in this state."""
        options = self.options[state[self.depends]] if isinstance(self.options, Mapping) else self.options
        assert not isinstance(options, int)
        return list(options)

    def following(self, state: State) -> Any:
        """Its value in this state: the present one where it is still a choice, else the first choice there is."""
        present = state.get(self.name, self.value)
        if self.kind == "number":
            preset = self.options.get(state[self.depends]) if isinstance(self.options, Mapping) else None
            return present if preset is None else preset
        choices = self.choices(state)
        return present if present in choices else choices[0]


@dataclass(frozen=True)
class Shown:
    """What a state shows: a `sentence`, a `table` with its header first, and `draw`, which makes the picture."""

    sentence: str
    table: Sequence[Sequence[str]]
    draw: Callable[[], Any]


@dataclass(frozen=True, repr=False)
class InteractiveFigure:
    """A figure that a notebook shows with its controls. `kind` names the script that draws it in the book.

    `alt` says what the picture is; what it shows is the state's sentence. `data` is all that the script needs.
    """

    name: str
    kind: str
    caption: str
    alt: str
    data: Mapping[str, Any]
    controls: Sequence[Control]
    show: Callable[[State], Shown]
    text: str = ""
    start: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", self.settled({control.name: control.value for control in self.controls}))

    def __repr__(self) -> str:
        return self.text or self.show(self.start).sentence

    def settled(self, state: State) -> dict[str, Any]:
        """`state` with the controls that depend on others brought to what is left to choose."""
        whole = dict(state)
        for control in self.controls:
            if control.depends:
                whole[control.name] = control.following(whole)
        return whole

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        from .live import live
        from .page import page

        bundle = {"text/plain": repr(self)}
        if os.environ.get(STATIC) == "static":
            return bundle | {"text/html": page(self)}
        view = {"version_major": 2, "version_minor": 0, "model_id": live(self).model_id}  # ipywidgets 7 has no bundle
        return bundle | {"application/vnd.jupyter.widget-view+json": view}
