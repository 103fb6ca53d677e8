"""Checks that need no run of the model: whether prompt, model, texts and learning rate fit each other."""

from collections.abc import Iterator

from torch import nn

from ... import checkpoints
from ...architecture import max_positions
from ...prompts import Prompt
from ...reading import IGNORE
from .case import Case, Finding, NotChecked

SLOWEST, FASTEST = 1 / 300, 10  # learning rates, as multiples of the method's own


def misfit(case: Case) -> Iterator[Finding]:
    """A prompt for a model of another shape: it cannot run on this one."""
    lm, found = case.lm, []
    width = lm.embedding_matrix.shape[1]
    for rows in case.vectors:
        if rows.shape[1] != width:
            found.append(f"its vectors are {rows.shape[1]} wide, the embeddings of {lm.name} {width}")
    for name, prefix in case.condition.prefixes.items():
        theirs = f"{prefix.shape[0]} layers, {prefix.shape[3]} heads of size {prefix.shape[5]}"
        stack = lm.stacks.get(name)
        ours = "no such stack"
        if stack is not None:
            ours = f"{len(stack.blocks)} layers, {stack.heads} heads of size {stack.head_size}"
        if theirs != ours:
            found.append(f"its {name} prefix has {theirs}, and {lm.name} has {ours}")
    for what in found:
        mend = "Load the model that it was made for, or make a new prompt for this one."
        yield Finding("other model", f"The prompt was made for another model: {what}.", mend)


def other_weights(case: Case) -> Iterator[Finding]:
    """A prompt that fits, but was made for other weights."""
    if any(misfit(case)):
        raise NotChecked("the prompt does not fit the model")
    parts = [part.made_for for part in case.prompt.modules() if isinstance(part, Prompt)]
    known = [made_for for made_for in parts if made_for is not None]
    if not known:
        raise NotChecked("the prompt does not say which it was made for")
    own = checkpoints.fingerprint(case.lm)
    for made_for in known:
        if made_for != own:
            what = f"The prompt was made for the weights {made_for}, and those of {case.lm.name} are {own}."
            yield Finding("other weights", what, "Load the model that it was made for, or train it on this one.")


def too_long(case: Case) -> Iterator[Finding]:
    """More to read than the model has positions for."""
    limit = max_positions(case.lm.model)
    if limit is None:
        raise NotChecked("the model sets no limit")
    if any(misfit(case)):
        raise NotChecked("the prompt does not fit the model")
    batch = case.lm.batch(case.texts, case.answers, case.prompt)
    needed = int(batch.attention_mask.sum(dim=1).max())
    if case.lm.is_encoder_decoder:  # each side counts its own positions, and prefixes take none
        needed = max(needed, int((batch.labels != IGNORE).sum(dim=1).max()))
    else:
        needed += int(case.condition.lengths("decoder"))
    if needed > limit:
        what = f"A text, its answer and the prompt need {needed:,} positions, and {case.lm.name} has {limit:,}."
        yield Finding("too long", what, "Shorten the text, or take fewer virtual tokens.")


def dropout(case: Case) -> Iterator[Finding]:
    """Dropout in the frozen model: the prompt would learn against noise."""
    modules = case.lm.model.named_modules()
    left_on = [(name, _probability(module)) for name, module in modules if module.training and _probability(module)]
    if left_on:
        name, probability = left_on[0]
        what = (
            f"Dropout is on in {len(left_on)} places of the frozen model (p = {probability:g} in {name}), "
            f"so that the same input gives another loss each time."
        )
        yield Finding("dropout", what, "Call lm.model.eval(): requires_grad=False does not switch dropout off.")


def _probability(module: nn.Module) -> float:
    """A module's dropout, be it a layer of its own or a number that its forward pass reads."""
    numbers = [value for name, value in vars(module).items() if isinstance(value, float) and "drop" in name]
    return max([module.p if isinstance(module, nn.modules.dropout._DropoutNd) else 0.0, *numbers])


def unfrozen(case: Case) -> Iterator[Finding]:
    """Weights of the frozen model that take gradients."""
    free = sum(parameter.numel() for parameter in case.lm.model.parameters() if parameter.requires_grad)
    if free:
        what = f"{free:,} of the frozen model's {case.lm.num_parameters:,} numbers require a gradient."
        yield Finding("not frozen", what, "Call lm.model.requires_grad_(False).")


def learning_rate(case: Case) -> Iterator[Finding]:
    """A learning rate for another method."""
    rate, kind = case.learning_rate, type(case.prompt).__name__
    if rate is None:
        raise NotChecked("none was given")
    if not case.prompt.num_trained:
        raise NotChecked(f"a {kind} has nothing to train")
    usual = case.prompt.learning_rate
    mend = f"Search around {usual:g}, from {usual / 10:g} to {usual * 3:g}."
    if rate <= 0:
        yield Finding("learning rate", f"The learning rate is {rate:g}, so nothing is learnt.", mend)
    elif not SLOWEST <= rate / usual <= FASTEST:
        far = f"{usual / rate:,.0f} times below" if rate < usual else f"{rate / usual:,.0f} times above"
        what = (
            f"The learning rate {rate:g} is {far} the {usual:g} of a {kind}: vectors train at 100 to 1,000 times "
            f"the rate of full fine-tuning (Lester et al. 2021)."
        )
        yield Finding("learning rate", what, mend)


def spaces(case: Case) -> Iterator[Finding]:
    """Two spaces between a text and its answer, which a model has hardly ever read."""
    if case.lm.is_encoder_decoder:
        raise NotChecked("the answer is apart from the text")
    if case.collated is not None:
        raise NotChecked("the batch is tokens already")
    texts = [case.prompt.text(x) for x in case.texts]
    doubled = [text for text in texts if text.endswith(" ")]
    if doubled:
        what = f"{len(doubled)} of {len(texts)} texts end with a space ({doubled[0][-20:]!r}); answers begin with one."
        yield Finding("space", what, "Take the space off the end of the template, or of x.")
