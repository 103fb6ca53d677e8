"""Prompts on the Hugging Face Hub: a small repository each, of the files that a folder has."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import huggingface_hub

from .encoding import first_line

REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def folder(source: str | Path, names: Sequence[str]) -> Path:
    """The local folder `source`; if there is none, the one with the files `names` of the repository of that name.

    Raises ValueError where there is no such repository, or the Hub cannot be reached.
    """
    local = Path(source)
    if local.exists() or not isinstance(source, str) or not REPOSITORY.fullmatch(source):
        return local
    try:
        return Path(huggingface_hub.snapshot_download(source, allow_patterns=list(names)))
    except Exception as error:  # of several libraries: no connection, no such repository, no permission
        raise ValueError(
            f"no prompt {source!r}: there is no such folder, and the Hugging Face Hub did not give a repository of "
            f"that name ({first_line(error)}); check the name, the connection, and your login for a private one"
        ) from error


def push(repo_id: str, files: Mapping[str, bytes], known: Sequence[str], private: bool) -> str:
    """Make `files` the ones of the repository among all `known` names, and return its address.

    The repository is made if there is none. Raises ValueError where the Hub refuses or cannot be reached.
    """
    if not REPOSITORY.fullmatch(repo_id):
        raise ValueError(f"a repository on the Hub is named user/name, got {repo_id!r}")
    api = huggingface_hub.HfApi()
    with TemporaryDirectory() as temporary:
        for name, data in files.items():
            (Path(temporary) / name).write_bytes(data)
        try:
            address = api.create_repo(repo_id, private=private, exist_ok=True)
            api.upload_folder(
                repo_id=repo_id,
                folder_path=temporary,
                commit_message="Save a prompt",
                delete_patterns=list(known),  # what an earlier prompt left; files that are sent now stay
            )
        except Exception as error:  # of several libraries: no connection, no login, no permission
            raise ValueError(
                f"the prompt was not sent to {repo_id!r} ({first_line(error)}); check the name, the connection, and "
                f"your login (the command: hf auth login)"
            ) from error
    return str(address)
