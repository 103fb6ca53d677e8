#!/usr/bin/env bash
# Gradescope runs this once, as root and with the internet, when it builds an image of the zip that this came in.
set -euo pipefail
cd "$(dirname "$0")"
place=/opt/peft-course  # not in /autograder, where the answers' user may not go
export UV_PYTHON_INSTALL_DIR="$place/python" UV_LINK_MODE=copy

apt-get update
apt-get install -y --no-install-recommends python3-venv util-linux bubblewrap
python3 -m venv "$place/uv"
"$place/uv/bin/pip" install --quiet uv

# The image's own Python may be too old for the course, so uv brings one. Of PyTorch it takes the build for processors.
uv="$place/uv/bin/uv"
"$uv" venv --managed-python --python @PYTHON@ "$place/venv"
"$uv" pip install --python "$place/venv" --torch-backend cpu --constraint constraints.txt ./*.whl ipython

# The right answers are the grader's alone.
answers="$("$place/venv/bin/python" -P -c 'from peft_course.grading.sandbox import ANSWERS; print(ANSWERS)')"
chmod -R go= "$answers"
