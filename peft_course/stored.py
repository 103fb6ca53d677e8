"""Prompts on disk, whatever their type, and many of them: read when they are needed, and forgotten again."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path

from . import checkpoints
from .baselines import FineTuning, LoRA
from .lm import LM
from .prompts import Prefix, Prompt, SoftPrompt


def load_prompt(source: str | Path, lm: LM) -> Prompt:
    """The prompt in the folder, or else in the Hub's repository, `source`, of whatever type it is.

    Raises ValueError if there is none, or a damaged one, one of PEFT's other methods, or for a model of another shape.
    """
    saved = checkpoints.read(source)
    match saved.check_type(*checkpoints.SOFT_FIELDS, "PREFIX_TUNING", "LORA", "FINE_TUNING"):
        case "PREFIX_TUNING":
            return Prefix.from_checkpoint(saved, lm)
        case "LORA":
            return LoRA.from_checkpoint(saved, lm)
        case "FINE_TUNING":
            return FineTuning.from_checkpoint(saved, lm)
        case _:
            return SoftPrompt.from_checkpoint(saved, lm)


class PromptFolder(Mapping[str, Prompt]):
    """The prompts saved in the folders inside `folder`, by name, each read when it is first asked for.

    ``store = PromptFolder("prompts", lm)``, then ``lm.generate(texts, prompt=[store["greek"], store["rhyme"]])``. The
    `keep` used last stay in memory.
    """

    def __init__(self, folder: str | Path, lm: LM, keep: int = 64) -> None:
        self.folder, self.lm, self.keep = Path(folder), lm, keep
        if not self.folder.is_dir():
            raise ValueError(f"there is no folder {str(folder)!r}; name the one that the prompts' folders are in")
        if keep < 1:
            raise ValueError(f"at least 1 prompt stays in memory, got keep={keep}")
        self._loaded: OrderedDict[str, Prompt] = OrderedDict()

    def __getitem__(self, name: str) -> Prompt:
        """The prompt `name`. Raises KeyError where there is none, ValueError where it is damaged or no plain name."""
        if name not in self._loaded:
            if name not in self:
                raise KeyError(f"no prompt {name!r} in {str(self.folder)!r}; list(store) has the names")
            self._loaded[name] = load_prompt(self._path(name), self.lm)
            if len(self._loaded) > self.keep:
                self._loaded.popitem(last=False)
        self._loaded.move_to_end(name)
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return self._path(name).is_dir()

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(path.name for path in self.folder.iterdir() if path.is_dir() and path.name[0] != "."))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _path(self, name: object) -> Path:
        """The folder `name`, which has to be one inside: no path, and no link to elsewhere."""
        if not isinstance(name, str) or not name or name[0] == "." or any(letter in "/\\:\0" for letter in name):
            raise ValueError(f"a stored prompt has a plain name, got {name!r}; list(store) has the names")
        path = self.folder / name
        if path.is_symlink():
            raise ValueError(f"the prompt {name!r} is a link out of {str(self.folder)!r}; put the folder itself there")
        return path

    def __repr__(self) -> str:
        return f"PromptFolder({str(self.folder)!r}, {len(self)} prompts, {len(self._loaded)} in memory)"
