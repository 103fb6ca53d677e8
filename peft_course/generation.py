"""Greedy decoding: the likeliest token, again and again, until every text has ended.

transformers' own `generate` does the same and much else, and takes a good part of the time for it when the model is
small. Here a text that has ended leaves the batch, and the cache has room for the longest answer from the start.
"""

from collections.abc import Collection, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedModel

from .architecture import takes
from .attention import KeysValues
from .cache import roomy_cache


@torch.no_grad()
def greedy(
    model: PreTrainedModel,
    inputs: Mapping[str, Tensor],
    blocks: Sequence[nn.Module],
    prefixes: Mapping[nn.Module, KeysValues],
    ends: Collection[int],
    max_new_tokens: int,
) -> list[list[int]]:
    """The tokens that a decoder writes behind each text of `inputs` (padded on the left), up to one of `ends`.

    `blocks` are its attention blocks, one a layer, and `prefixes` what stands in front in them.
    """
    length = inputs["attention_mask"].shape[1]  # T
    cache = roomy_cache([prefixes.get(block) for block in blocks], length + max_new_tokens)
    prefixes = {block: prefix._replace(in_cache=True) for block, prefix in prefixes.items()}
    visible = F.pad(inputs["attention_mask"].bool(), (0, max_new_tokens), value=True)[
        :, None, None
    ]  # [B, 1, 1, T + new]
    keep = {"logits_to_keep": 1} if takes(model, "logits_to_keep") else {}
    read, position = dict(inputs), inputs["position_ids"][:, -1:]
    answers: list[list[int]] = [[] for _ in visible]
    running = list(range(len(answers)))  # the texts that the rows of the batch belong to
    for step in range(1, max_new_tokens + 1):
        output = model(**read, past_key_values=cache, prefixes=prefixes, use_cache=True, **keep)
        tokens = output.logits[:, -1].argmax(dim=-1)  # [B]
        for text, token in zip(running, tokens.tolist(), strict=True):
            if not answers[text] or answers[text][-1] not in ends:
                answers[text].append(token)
        going = [row for row, text in enumerate(running) if answers[text][-1] not in ends]
        if not going:
            break
        if len(going) <= len(running) / 2:  # copying the cache pays off once it halves
            kept = torch.tensor(going, device=tokens.device)
            cache.batch_select_indices(kept)
            prefixes = {block: prefix.of_texts(kept) for block, prefix in prefixes.items()}
            tokens, position, visible = tokens[kept], position[kept], visible[kept]
            running = [running[row] for row in going]
        position = position + 1
        mask = visible[..., : length + step]
        read = {"input_ids": tokens[:, None], "position_ids": position, "attention_mask": mask}
    return answers
