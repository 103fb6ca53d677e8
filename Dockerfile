# Where `peft-course grade --sandbox docker` (or podman) tries the answers of strangers: `make image` builds it.
# PyTorch's CPU build is smaller: add --build-arg PIP_EXTRA_INDEX_URL=… with the index that your site uses.
FROM python:3.11-slim
ARG PIP_EXTRA_INDEX_URL
COPY constraints.txt pyproject.toml README.md LICENSE /course/
COPY peft_course /course/peft_course
RUN pip install --no-cache-dir --constraint /course/constraints.txt /course ipython \
 && rm -r /course "$(python -c 'import peft_course, pathlib; print(pathlib.Path(peft_course.__file__).parent)')/grading/exercises"
USER nobody
