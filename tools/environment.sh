#!/bin/sh
# Makes .venv and installs the course with its tools, at the versions of constraints.txt; does nothing when that is done.
# Usage: tools/environment.sh. The variable PYTHON names the interpreter to use.
set -eu
cd "$(dirname "$0")/.."
stamp=.venv/installed
log=.venv/install.log
needed_gb=6

say() { printf '%s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

find_python() {
    for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python3.14 python; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            command -v "$candidate"
            return
        fi
    done
    die "Python 3.11 or newer is needed, and none was found. Install it, or name it: make PYTHON=/path/to/python3.11 …"
}

# Runs a command into the log, with a sign of life every half minute; on failure says why, in one line first.
quietly() {
    "$@" >>"$log" 2>&1 &
    pid=$!
    trap 'kill $pid 2>/dev/null; exit 130' INT TERM
    seconds=0
    while kill -0 $pid 2>/dev/null; do
        sleep 1
        seconds=$((seconds + 1))
        if [ $((seconds % 30)) -eq 0 ]; then
            say "      … still at it after $seconds s ($(grep -c -E '^ *(Downloading|Using cached|Processing|Obtaining)' "$log" || true) files so far)"
        fi
    done
    trap - INT TERM
    wait $pid || explain
}

explain() {
    if grep -q -i 'No space left on device' "$log"; then
        reason="the disk is full"
    elif grep -q -i -E 'NewConnectionError|ConnectTimeout|Temporary failure in name resolution|Max retries exceeded|Connection (refused|broken|reset)|ProxyError|SSLError|from versions: none' "$log"; then
        reason="the package registry cannot be reached (no network, or a proxy that pip does not know)"
    elif grep -q -E 'No matching distribution found|ResolutionImpossible' "$log"; then
        reason="the registry has no version that constraints.txt asks for: $(grep -m1 -o -E 'No matching distribution found for .*' "$log" || true)"
    else
        reason="pip failed"
    fi
    printf 'error: %s. The last lines of %s:\n' "$reason" "$log" >&2
    grep -v 'is ignored: it is' "$log" | tail -n 15 >&2
    exit 1
}

state=$({ pwd; cat constraints.txt pyproject.toml tools/environment.sh; } | cksum)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$state" ] && .venv/bin/python -c '' 2>/dev/null; then
    exit 0
fi

python=$(find_python)
"$python" -c 'import venv, ensurepip' 2>/dev/null ||
    die "$python has no venv module. On Debian and Ubuntu: apt install python3-venv"
free_gb=$(df -Pk . | awk 'NR == 2 { print int($4 / 1048576) }')
[ "$free_gb" -ge "$needed_gb" ] ||
    die "$free_gb GB are free on this disk, and the environment needs $needed_gb GB (PyTorch is most of it)."

say "[1/4] Making .venv with $("$python" --version)"
.venv/bin/python -c 'import pip' 2>/dev/null || rm -rf .venv
[ -d .venv ] || "$python" -m venv .venv || die "$python could not make .venv; see the message above."
: >"$log"
pip() { quietly .venv/bin/python -m pip --disable-pip-version-check install --progress-bar off "$@"; }
say "[2/4] Installing PyTorch (the largest part; details in $log)"
pip --constraint constraints.txt "$(grep '^torch==' constraints.txt)"
say "[3/4] Installing the libraries, the book's tools and the tests"
# Every version is given, dependencies included, so that pip has nothing to search for.
pip --requirement constraints.txt
pip --no-deps --no-build-isolation --editable .
say "[4/4] Checking that everything fits together"
quietly .venv/bin/python -m pip --disable-pip-version-check check
printf '%s' "$state" >"$stamp"
say "The environment is ready: .venv"
