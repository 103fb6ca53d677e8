"""Many prompts on disk, of which a batch reads its own, and prompts on the Hub."""

import shutil
import sys

import huggingface_hub
import pytest
import torch
from random_models import random_lm

from peft_course import Prefix, PromptFolder, SoftPrompt, load_prompt

KNOWN = {"adapter_config.json", "adapter_model.safetensors", "peft_course.json", "peft_course.safetensors"}
SEAL = "peft_course.sha256"
opened: list[str] | None = None


def note_what_is_opened(event, arguments):
    if opened is not None and event == "open":
        opened.append(str(arguments[0]))


sys.addaudithook(note_what_is_opened)


# -- many prompts in a folder -----------------------------------------------------------------------------------------
def many(lm, folder, number):
    """So many soft prompts, each with a value of its own."""
    SoftPrompt(lm, 1).save_pretrained(folder / "0")
    (folder / "0" / SEAL).unlink()
    for n in range(1, number):
        shutil.copytree(folder / "0", folder / str(n))
    return folder


def test_of_a_thousand_stored_prompts_a_batch_reads_its_own_and_each_once(tmp_path, monkeypatch):
    lm = random_lm("llama")
    store = PromptFolder(many(lm, tmp_path, 1000), lm)
    assert len(store) == 1000
    monkeypatch.setattr(sys.modules[__name__], "opened", [])
    names = ["7", "500", "7", "999", "7"]
    prompts = [store[name] for name in names]
    assert {path.split("/")[-2] for path in opened if str(tmp_path) in path} == {"7", "500", "999"}
    assert len(opened) == len(set(opened)) < 30
    assert prompts[0] is prompts[2] is prompts[4]
    answers = lm.generate(["ab"] * 5, prompt=prompts, max_new_tokens=2)
    assert answers == [lm.generate(["ab"], prompt=prompt, max_new_tokens=2)[0] for prompt in prompts]


def test_the_prompts_used_last_stay_in_memory(tmp_path):
    lm = random_lm("llama")
    store = PromptFolder(many(lm, tmp_path, 4), lm, keep=2)
    zero, one = store["0"], store["1"]
    assert store["0"] is zero
    assert store["2"] is not zero
    assert store["0"] is zero  # 1 had waited longest
    assert store["1"] is not one
    assert "4 prompts, 2 in memory" in repr(store)


def test_a_folder_of_prompts_is_a_mapping_of_names(tmp_path):
    lm = random_lm("llama")
    Prefix(lm, 2).save_pretrained(tmp_path / "prefix")
    SoftPrompt(lm, 2).save_pretrained(tmp_path / "soft")
    store = PromptFolder(tmp_path, lm)
    assert {name: type(prompt) for name, prompt in store.items()} == {"prefix": Prefix, "soft": SoftPrompt}
    assert "soft" in store and "hard" not in store and store.get("hard") is None
    with pytest.raises(KeyError, match=r"no prompt 'hard' in .*; list\(store\) has the names"):
        store["hard"]


@pytest.mark.parametrize("name", ["../x", "/x", "a/b", "a\\b", "..", ".", "", ".hidden", "C:x", "x\0", 3])
def test_a_name_that_is_a_path_is_refused(name, tmp_path):
    lm = random_lm("llama")
    SoftPrompt(lm, 1).save_pretrained(tmp_path / "x")
    (tmp_path / "store").mkdir()
    with pytest.raises(ValueError, match="a stored prompt has a plain name, got "):
        PromptFolder(tmp_path / "store", lm)[name]


def test_a_stored_prompt_that_is_a_link_elsewhere_is_refused(tmp_path):
    lm = random_lm("llama")
    SoftPrompt(lm, 1).save_pretrained(tmp_path / "x")
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "x").symlink_to(tmp_path / "x")
    with pytest.raises(ValueError, match="is a link out of"):
        PromptFolder(tmp_path / "store", lm)["x"]


def test_a_folder_that_is_not_there_or_an_empty_memory_is_refused(tmp_path):
    lm = random_lm("llama")
    with pytest.raises(ValueError, match="there is no folder"):
        PromptFolder(tmp_path / "nowhere", lm)
    with pytest.raises(ValueError, match="got keep=0"):
        PromptFolder(tmp_path, lm, keep=0)


# -- the Hub ----------------------------------------------------------------------------------------------------------
class Hub:
    """A Hub in a folder, laid out like the cache: a snapshot of links to blobs."""

    def __init__(self, home):
        self.home, self.asked, self.private = home, [], None

    def create_repo(self, repo_id, private, exist_ok):
        (self.home / repo_id / "snapshots" / "1").mkdir(parents=True, exist_ok=exist_ok)
        (self.home / repo_id / "blobs").mkdir(exist_ok=exist_ok)
        self.private = private
        return f"https://hub/{repo_id}"

    def upload_folder(self, repo_id, folder_path, commit_message, delete_patterns):
        place = self.home / repo_id / "snapshots" / "1"
        for name in delete_patterns:
            (place / name).unlink(missing_ok=True)
        for path in sorted(type(place)(folder_path).iterdir()):
            shutil.copy(path, self.home / repo_id / "blobs" / path.name)
            (place / path.name).symlink_to(f"../../blobs/{path.name}")

    def snapshot_download(self, repo_id, allow_patterns):
        self.asked += allow_patterns
        if not (self.home / repo_id).is_dir():
            raise huggingface_hub.errors.LocalEntryNotFoundError("Cannot reach the Hub\nin two lines")
        return str(self.home / repo_id / "snapshots" / "1")


@pytest.fixture
def hub(tmp_path, monkeypatch):
    hub = Hub(tmp_path / "hub")
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: hub)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", hub.snapshot_download)
    monkeypatch.chdir(tmp_path)
    return hub


def test_a_prompt_goes_to_the_hub_and_comes_back_by_its_name(hub):
    lm = random_lm("llama")
    prefix = Prefix(lm, 3, template="ab {x}")
    assert prefix.push_to_hub("somebody/greek", private=True) == "https://hub/somebody/greek"
    assert hub.private is True
    for loaded in (Prefix.from_pretrained("somebody/greek", lm), load_prompt("somebody/greek", lm)):
        assert torch.equal(loaded.stacks["decoder"](), prefix.stacks["decoder"]())
        assert loaded.template == "ab {x}"
    assert set(hub.asked) == KNOWN | {SEAL}  # no pickle, no code, nothing else


def test_what_an_earlier_prompt_left_on_the_hub_is_deleted(hub):
    SoftPrompt(random_lm("t5"), 3).push_to_hub("somebody/greek")
    Prefix(random_lm("t5"), 3).push_to_hub("somebody/greek")
    place = hub.home / "somebody/greek/snapshots/1"
    assert {path.name for path in place.iterdir()} == {"peft_course.json", "peft_course.safetensors", SEAL}
    assert hub.private is False


def test_a_folder_of_that_name_wins_over_the_hub(hub):
    lm = random_lm("llama")
    SoftPrompt(lm, 3).save_pretrained("somebody/greek")
    assert SoftPrompt.from_pretrained("somebody/greek", lm).num_virtual_tokens == 3
    assert hub.asked == []


def test_without_the_hub_or_the_repository_the_sentence_says_what_to_check(hub):
    lm = random_lm("llama")
    sentence = r"no prompt 'a/b'.*\(Cannot reach the Hub\); check the name, the connection"
    with pytest.raises(ValueError, match=sentence) as caught:
        SoftPrompt.from_pretrained("a/b", lm)
    assert "\n" not in str(caught.value)
    for name in ("a/b/c", "../b", "a/..", "/a/b", "greek"):  # no names of repositories
        with pytest.raises(ValueError, match="no prompt in"):
            SoftPrompt.from_pretrained(name, lm)
    assert len(hub.asked) == 5


def test_what_the_hub_refuses_is_one_sentence(hub, monkeypatch):
    def refuse(repo_id, private, exist_ok):
        raise OSError("401 Unauthorized\nlong advice")

    monkeypatch.setattr(hub, "create_repo", refuse)
    prompt = SoftPrompt(random_lm("llama"), 3)
    with pytest.raises(ValueError, match=r"was not sent to 'a/b' \(401 Unauthorized\); check .*hf auth login\)$"):
        prompt.push_to_hub("a/b")
    with pytest.raises(ValueError, match="a repository on the Hub is named user/name, got 'greek'"):
        prompt.push_to_hub("greek")
