"""The two sides, each as its competent user writes it: the loss of a batch, and the answers to inputs.

Both hold one prompt a task, with the same initial values, on a frozen model of their own with the same weights.
"""

import warnings
from collections.abc import Sequence

import torch
from peft import PeftModel, PrefixTuningConfig, PromptTuningConfig, get_peft_model
from torch import Tensor, nn

from peft_course import Prefix, SoftPrompt
from peft_course.lm import IGNORE

from .setting import Example, Method, as_lm, end_of_text, frozen_model, ids, text

Ids = Sequence[Sequence[int]]


class Ours:
    """This package: `LM.answer_losses` and `LM.generate` with one prompt, or one for each text."""

    name = "ours"

    def __init__(self, model_name: str, method: Method, tasks: int = 1) -> None:
        self.lm = as_lm(frozen_model(model_name), model_name)
        kind = Prefix if method.is_prefix else SoftPrompt
        self.prompts = [kind(self.lm, method.num_virtual_tokens, seed=seed) for seed in range(tasks)]
        self.model = self.lm.model

    @property
    def trained(self) -> list[nn.Parameter]:
        return list(self.prompts[0].parameters())

    def values(self, task: int = 0) -> Tensor:
        """The prompt's numbers as PEFT keeps them, ``[P, D]`` or ``[P, 2·L·H·d]``."""
        return self.prompts[task].tensors()["prompt_embeddings"].detach()

    def loss(self, batch: Sequence[Example]) -> Tensor:
        """The mean over answer tokens, in nats; an answer's text gets its end from the `LM`."""
        texts, answers = [text(x) for x, _ in batch], [text(y[:-1]) for _, y in batch]
        losses, labels = self.lm.answer_losses(texts, answers, self.prompts[0])
        return losses.sum() / (labels != IGNORE).sum()

    def generate(self, xs: Ids, new_tokens: int, tasks: Sequence[int] | None = None) -> list[list[int]]:
        """Greedy answers to `xs`, under the first prompt or under that of each one's task, in one batch."""
        prompt = self.prompts[0] if tasks is None else [self.prompts[task] for task in tasks]
        written = self.lm.generate([text(x) for x in xs], prompt=prompt, max_new_tokens=new_tokens)
        return [ids(answer) for answer in written]


class Theirs:
    """Hugging Face PEFT: a right-padded batch with labels through the model's own forward; adapters are switched."""

    name = "PEFT"

    def __init__(self, model_name: str, method: Method, values: Sequence[Tensor] = ()) -> None:
        kind = PrefixTuningConfig if method.is_prefix else PromptTuningConfig
        config = kind(task_type="CAUSAL_LM", num_virtual_tokens=method.num_virtual_tokens)
        base = frozen_model(model_name)
        self.end = end_of_text(base)
        self.model: PeftModel = get_peft_model(base, config, adapter_name="task0")
        for task in range(1, len(values)):
            self.model.add_adapter(f"task{task}", config)
        for task, value in enumerate(values):
            self.model.prompt_encoder[f"task{task}"].load_state_dict({"embedding.weight": value})
        self.model.set_adapter("task0")
        self.model.train()  # as its users do; the models have no dropout
        warnings.filterwarnings("ignore", message="Position ids are not supported")  # at every call of generate

    @property
    def trained(self) -> list[nn.Parameter]:
        return [parameter for parameter in self.model.parameters() if parameter.requires_grad]

    def loss(self, batch: Sequence[Example]) -> Tensor:
        """The mean over answer tokens, in nats."""
        return self.model(**self._collate(batch), use_cache=False).loss

    def _collate(self, batch: Sequence[Example]) -> dict[str, Tensor]:
        width = max(len(x) + len(y) for x, y in batch)
        pads = [width - len(x) - len(y) for x, y in batch]
        rows = list(zip(batch, pads, strict=True))
        columns = {
            "input_ids": [x + y + [self.end] * pad for (x, y), pad in rows],
            "attention_mask": [[1] * (width - pad) + [0] * pad for _, pad in rows],
            "labels": [[IGNORE] * len(x) + y + [IGNORE] * pad for (x, y), pad in rows],
        }
        return {name: torch.tensor(column, device=self.model.device) for name, column in columns.items()}

    @torch.no_grad()
    def generate(self, xs: Ids, new_tokens: int, tasks: Sequence[int] | None = None) -> list[list[int]]:
        """Greedy answers to `xs` (of one length), under the first adapter or task by task, each with its adapter."""
        answers: list[list[int]] = [[] for _ in xs]
        for task in sorted(set(tasks or [0])):
            chosen = [row for row in range(len(xs)) if tasks is None or tasks[row] == task]
            if tasks is not None:
                self.model.set_adapter(f"task{task}")
            input_ids = torch.tensor([xs[row] for row in chosen], device=self.model.device)
            written = self.model.generate(
                input_ids=input_ids,
                attention_mask=torch.ones_like(input_ids),
                max_new_tokens=new_tokens,
                do_sample=False,
                eos_token_id=self.end,
                pad_token_id=self.end,
            )
            for row, line in zip(chosen, written.tolist(), strict=True):
                answers[row] = line[input_ids.shape[1] :]
        return answers


def both(model_name: str, method: Method, tasks: int = 1) -> tuple[Ours, Theirs]:
    """The two sides with the same prompts."""
    ours = Ours(model_name, method, tasks)
    return ours, Theirs(model_name, method, [ours.values(task) for task in range(tasks)])
