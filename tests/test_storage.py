"""Files written all at once: whoever is killed, and whenever, leaves the old ones or the new ones."""

import os
import signal
import sys
import time

import pytest

from peft_course import storage

NAMES = ("config", "tensors", "words", "side")
OLD = {"config": b"old config", "tensors": b"old" * 1000, "words": b"old words", "side": b"old side"}
NEW = {"config": b"new config", "tensors": b"new" * 2000, "words": b"new words"}
RESAVED = OLD | {"tensors": b"resaved" * 100}
THIRD = {"config": b"third", "words": b"third words"}
CHANGES = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir")  # the events at which a disk changes


@pytest.fixture(autouse=True)
def a_fast_disk(monkeypatch):
    """A killed process needs no sync, only a loss of power does."""
    monkeypatch.setattr(storage.os, "fsync", lambda descriptor: None)


def write(folder, files):
    storage.write(folder, files, NAMES, entry="config")


def killed_before_change(number, folder, files):
    """Whether a process that writes `files` is killed before its change of that number: it may come to an end first."""
    child = os.fork()
    if child == 0:
        left = number

        def count(event, arguments):
            nonlocal left
            if event in CHANGES and str(folder) in str(arguments[0]):
                left -= 1
                if left < 0:
                    os._exit(1)

        sys.addaudithook(count)
        write(folder, files)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


@pytest.mark.parametrize("new", [NEW, RESAVED], ids=["another prompt", "the same prompt, trained on"])
@pytest.mark.parametrize("old", [{}, OLD], ids=["none", "old"])
def test_a_kill_before_any_change_of_the_disk_leaves_the_old_files_or_the_new(old, new, tmp_path):
    seen, number, killed = [], 0, True
    while killed:
        folder = tmp_path / str(number)
        if old:
            write(folder, old)
        killed = killed_before_change(number, folder, new)
        found = storage.read(folder, NAMES)
        assert found in (old, new)
        seen.append(found == new)
        plain = {name: (folder / name).read_bytes() for name in NAMES if (folder / name).is_file()}
        if "config" in plain:  # what another program finds by it belongs together
            assert {name: plain.get(name) for name in ("config", "tensors")} in (
                {name: files.get(name) for name in ("config", "tensors")} for files in (old, new)
            )
        write(folder, THIRD)  # and the next save clears up
        assert storage.read(folder, NAMES) == THIRD
        assert sorted(path.name for path in folder.iterdir()) == ["config", storage.SEAL, "words"]
        number += 1
    assert seen == sorted(seen) and not seen[0] and seen[-1]  # first the old ones, from some moment on the new
    assert number > 20


def test_a_writer_killed_at_any_time_leaves_one_of_the_sets_it_wrote(tmp_path):
    sets = [{"config": bytes([48 + n]) * 100, "tensors": bytes([48 + n]) * 300_000} for n in range(2)]
    write(tmp_path, sets[0])
    for attempt in range(12):
        child = os.fork()
        if child == 0:
            try:
                for n in range(10_000):
                    write(tmp_path, sets[n % 2])
            finally:
                os._exit(0)
        time.sleep(0.003 + 0.0041 * attempt)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        assert storage.read(tmp_path, NAMES) in sets


def test_a_reader_beside_a_writer_never_sees_a_mixture(tmp_path):
    sets = [{"config": bytes([48 + n]) * 10, "tensors": bytes([48 + n]) * 10} for n in range(2)]
    write(tmp_path, sets[0])
    child = os.fork()
    if child == 0:
        try:
            for n in range(10_000):
                write(tmp_path, sets[n % 2])
        finally:
            os._exit(0)
    try:
        assert all(storage.read(tmp_path, NAMES) in sets for _ in range(100))
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_full_disk_changes_nothing(tmp_path, monkeypatch):
    write(tmp_path, OLD)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path, NEW)
    assert storage.read(tmp_path, NAMES) == OLD
    assert {path.name for path in tmp_path.iterdir()} == {*OLD, storage.SEAL}


def test_a_planted_link_in_the_place_of_the_new_files_leads_nowhere(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "config").write_bytes(b"not ours")
    folder = tmp_path / "folder"
    write(folder, OLD)
    for name in (storage.SAVED, storage.SAVING):
        (folder / name).symlink_to(outside)
    assert storage.read(folder, NAMES) == OLD
    write(folder, NEW)
    assert storage.read(folder, NAMES) == NEW
    assert (outside / "config").read_bytes() == b"not ours"


def test_the_seal_is_what_sha256sum_reads(tmp_path):
    write(tmp_path, {"config": b"abc"})
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, appendix B.1
    assert (tmp_path / storage.SEAL).read_text() == f"{known}  config\n"
