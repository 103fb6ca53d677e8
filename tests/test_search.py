"""Searching for words: what the gradient foretells, what a search may find, and what it leaves alone."""

import pytest
import torch
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from random_models import random_lm

from peft_course import HardPrompt, SoftPrompt, tasks
from peft_course.losses import mean_loss, validation_loss
from peft_course.search import choose, linearised, paraphrases, search, token_gradient
from peft_course.search.gradient import BEHIND, Allowed

PAIRS = Dataset.from_dict({"x": ["ab", "abc b", "c", "ba"], "y": ["ba", "c", "aab", "b"]})
QUICK = {"steps": 3, "swaps": 6, "top": 16, "batch_size": 4}


def loss_with(lm, value):
    with torch.no_grad():
        return mean_loss(SoftPrompt(lm, value=value, template=BEHIND), lm, PAIRS, range(4)).item()


@settings(max_examples=6)
@given(place=st.integers(0, 2), token=st.integers(2, 257), seed=st.integers(0, 9))
@pytest.mark.parametrize("architecture", ["gpt2", "llama", "t5"])
def test_the_token_gradient_is_the_slope_of_the_loss_towards_each_token(architecture, place, token, seed):
    lm = random_lm(architecture)
    tokens = torch.randint(2, 258, (3,), generator=torch.Generator().manual_seed(seed)).tolist()
    matrix, step = lm.embedding_matrix.detach(), 3e-3
    ahead, behind = matrix[tokens].clone(), matrix[tokens].clone()
    ahead[place] += step * matrix[token]
    behind[place] -= step * matrix[token]
    slope = (loss_with(lm, ahead) - loss_with(lm, behind)) / (2 * step)
    gradient = token_gradient(tokens, lm, PAIRS, range(4))
    assert gradient.shape == (3, 258)
    assert gradient[place, token].item() == pytest.approx(slope, abs=0.02)


def test_a_swap_of_a_token_for_itself_changes_nothing_and_a_small_step_towards_another_what_the_line_says():
    lm, tokens = random_lm("llama"), [10, 20, 30]
    changes = linearised(token_gradient(tokens, lm, PAIRS, range(4)), tokens)
    assert changes[range(3), tokens].tolist() == [0, 0, 0]
    matrix, step = lm.embedding_matrix.detach(), 1e-2
    value = matrix[tokens].clone()
    value[1] += step * (matrix[99] - matrix[20])
    assert (loss_with(lm, value) - loss_with(lm, matrix[tokens])) / step == pytest.approx(
        changes[1, 99].item(), abs=0.02
    )


@pytest.mark.parametrize("guided", [True, False])
@pytest.mark.parametrize("architecture", ["llama", "t5"])
def test_what_is_found_is_a_text_that_reads_back_as_its_tokens_and_has_the_loss_it_says(architecture, guided):
    lm = random_lm(architecture)
    before = {name: weight.clone() for name, weight in lm.model.state_dict().items()}
    found = search(lm, PAIRS, PAIRS, length=3, guided=guided, **QUICK)
    template = found.prompt.template
    assert lm.encode(template.replace("{x}", "ab")) == [*lm.encode("ab"), *found.tokens]
    assert found.validation_loss == pytest.approx(validation_loss(HardPrompt(template), lm, PAIRS))
    assert (len(found.losses), found.evaluated) == (3, 3 * 7)
    assert all(torch.equal(weight, before[name]) for name, weight in lm.model.state_dict().items())


def test_a_search_on_one_batch_never_goes_uphill_and_the_same_seed_finds_the_same():
    lm = random_lm("llama")
    found = search(lm, PAIRS, PAIRS, length=3, **(QUICK | {"steps": 6}))
    assert list(found.losses) == sorted(found.losses, reverse=True)  # every batch holds all four pairs
    assert search(lm, PAIRS, PAIRS, length=3, **(QUICK | {"steps": 6})).tokens == found.tokens
    assert search(lm, PAIRS, PAIRS, length=3, seed=1, **QUICK).tokens != found.tokens


def test_words_may_stand_in_front_or_between_others():
    lm = random_lm("llama")
    found = search(lm, PAIRS, PAIRS, length=2, template="a {prompt} c {x}:", **QUICK)
    words = lm.decode(found.tokens)
    assert found.prompt.template == f"a {words} c {{x}}:"


def test_a_search_without_a_place_to_search_or_of_no_size_is_refused():
    lm = random_lm("llama")
    with pytest.raises(ValueError, match=r"has the slots \{x\} and \{prompt\} once each, got 'Say: \{x\}'"):
        search(lm, PAIRS, PAIRS, template="Say: {x}")
    with pytest.raises(ValueError, match="length is at least 1, got 0"):
        search(lm, PAIRS, PAIRS, length=0)


def test_words_that_never_read_back_are_given_up_with_a_way_out(monkeypatch):
    lm = random_lm("llama")
    monkeypatch.setattr(Allowed, "reads_back", lambda self, tokens: False)
    with pytest.raises(ValueError, match="put a space or a line break between the template's words and"):
        search(lm, PAIRS, PAIRS, **QUICK)


# -- paraphrases ------------------------------------------------------------------------------------------------------
def test_every_paraphrase_holds_the_input_once_and_says_something_besides():
    for task in (tasks.translation(10, 10, 10), tasks.sentiment(10, 10, 10), tasks.table_to_text("seen", 10, 10, 10)):
        found = paraphrases(task)
        assert len(found) == len(set(found)) >= 25
        assert all(template.count("{x}") == 1 and template != "{x}" for template in found)


def test_the_chosen_paraphrase_is_the_one_of_the_lowest_loss():
    lm = random_lm("llama")
    candidates = ["{x}", "a{x}", "{x} b:", "c {x} c"]
    losses = {template: validation_loss(HardPrompt(template), lm, PAIRS) for template in candidates}
    assert choose(candidates, lm, PAIRS).template == min(losses, key=losses.get)
    one = choose(candidates, lm, PAIRS, count=1, seed=3)
    assert one.template in candidates


def test_a_choice_of_more_than_there_are_and_a_task_without_paraphrases_are_refused():
    with pytest.raises(ValueError, match="3 of 2 candidates cannot be drawn"):
        choose(["{x}", "a {x}"], random_lm("llama"), PAIRS, count=3)
    other = tasks.translation(10, 10, 10)
    object.__setattr__(other, "name", "poems")
    with pytest.raises(ValueError, match="nobody wrote paraphrases for the task 'poems', only for translation"):
        paraphrases(other)
