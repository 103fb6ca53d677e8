"""The wheel: installed without the repository, it brings the models, and an empty folder is enough to use them."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import peft_course

ROOT = Path(__file__).resolve().parents[1]
MEGABYTE = 2**20
MODELS = ["course-gpt-small", "course-gpt", "course-gpt-large", "course-t5"]
FILES = ["config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "README.md"]


def run(*command: str, cwd: Path, **environment: str) -> str:
    result = subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "peft_course"):
        (source / name).symlink_to(ROOT / name)  # setuptools leaves its build folder here, not in the repository
    options = ["--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", str(folder)]
    run(sys.executable, "-m", "pip", "wheel", *options, str(source), cwd=folder)
    return next(folder.glob("*.whl"))


@pytest.mark.slow
def test_the_wheel_carries_every_model_and_stays_small(wheel: Path) -> None:
    sizes = {item.filename: item.file_size for item in zipfile.ZipFile(wheel).infolist()}
    missing = [f"{m}/{f}" for m in MODELS for f in FILES if f"peft_course/pretrained/{m}/{f}" not in sizes]
    assert missing == []
    assert sum(size for name, size in sizes.items() if "/pretrained/" in name) <= 20 * MEGABYTE
    assert not [name for name in sizes if name.startswith(("tests/", "book/", "tools/"))]


@pytest.mark.slow
def test_the_wheel_works_from_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    target, empty = tmp_path / "installed", tmp_path / "empty"
    empty.mkdir()
    options = ["--no-deps", "--quiet", "--target", str(target)]
    run(sys.executable, "-m", "pip", "install", *options, str(wheel), cwd=empty)
    code = (
        "import peft_course; print(peft_course.__file__);"
        "print(peft_course.load_lm('course-gpt').generate(['The old dog'], max_new_tokens=3))"
    )
    output = run(sys.executable, "-c", code, cwd=empty, PYTHONPATH=str(target))
    assert output.startswith(str(target)), "the installed package is the one that was imported"
    assert "usage" in run(sys.executable, "-m", "peft_course", "--help", cwd=empty, PYTHONPATH=str(target))
    assert list(empty.iterdir()) == []


def test_the_command_line_and_pytest_wait_for_no_torch() -> None:
    light = ("cli", "grading.plugin", "grading.process", "grading.sandbox", "grading.submission")
    code = f"import sys; {'; '.join(f'import peft_course.{name}' for name in light)}; print(*sys.modules)"
    loaded = {name.split(".")[0] for name in run(sys.executable, "-c", code, cwd=ROOT).split()}
    assert not loaded & {"torch", "transformers", "datasets", "numpy", "matplotlib"}


def test_every_public_name_is_there_and_another_one_is_not() -> None:
    assert set(dir(peft_course)) >= set(peft_course.__all__) >= {"LM", "SoftPrompt", "fit", "tasks"}
    assert all(callable(getattr(peft_course, name)) for name in peft_course.__all__ if name not in ("initial", "tasks"))
    with pytest.raises(AttributeError, match="No peft_course attribute SoftPromt"):
        _ = peft_course.SoftPromt
