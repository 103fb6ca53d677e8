"""Where the notebooks of strangers are tried: a container without network, of which nothing outside can be reached.

A well-kept tool makes the container: bubblewrap on Linux, or Docker or Podman with an image of the project's
`Dockerfile`. What is in it: a read-only system, Python with its libraries, the package without the right answers, and
one folder in memory to write to. The process inside reaches the grader by one socket, and is another user.
"""

import os
import secrets
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from .. import __version__

TOOLS = ("bubblewrap", "docker", "podman")
USER = "another user"  # where one submission has a container to itself, in which none can be made: Gradescope's
IMAGE = f"peft-course-grading:{__version__}"  # as `make image` builds it of Dockerfile
PACKAGE = Path(__file__).parents[1]
INSIDE = "/grader"  # where the socket's folder is seen inside
TEMPORARY = Path("/tmp")  # the folder inside that may be written to
DISK = 256 * 2**20  # bytes that may be written, all files together
MEMORY = 6 * 2**30  # bytes of one process, torch and the models included
PROCESSES = 64  # and threads
FILES = 256  # open at once
NOBODY = 65534
ANSWERS = PACKAGE / "grading" / "exercises"
TRIAL = """
import contextlib, importlib.util, os, sys
course = importlib.util.find_spec("peft_course")  # an image has it at a place of its own
folders = course.submodule_search_locations if course else []
for place in [sys.argv[1], *(folder + "/grading/exercises" for folder in folders)]:
    with contextlib.suppress(OSError):
        if os.listdir(place):
            sys.exit("the right answers can be read there")
"""
QUIET = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "MPLBACKEND": "Agg"}
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(TEMPORARY), "USER": "learner", **QUIET}
ENGINE = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "CONTAINER_HOST", "CONTAINERS_CONF", "XDG_RUNTIME_DIR")

# Root needs no user namespace, and becomes somebody else inside; anybody else is nobody in a user namespace.
ALONE = [
    "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try",
    "--die-with-parent", "--new-session", "--as-pid-1", "--hostname", "grading",
]  # fmt: skip
AS_ROOT = ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_SETPCAP"]
AS_ANYBODY = ["--unshare-user", "--disable-userns", "--uid", str(NOBODY), "--gid", str(NOBODY), "--cap-drop", "ALL"]
DROP = ["--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--pdeathsig=KILL"]
STRANGERS = range(0x70000000, 0x7FFFFFFF)  # which systems give to no user (systemd.io/UIDS-GIDS)


class NoSandboxError(ValueError):
    """No sandbox can be had here; the message says why, and the ways out."""


@dataclass(frozen=True)
class Sandbox:
    """One of `TOOLS`, or USER, tried: it works here."""

    tool: str

    def command(self, folder: Path) -> list[str]:
        """What starts Python inside, where `folder` is to be seen; the interpreter's arguments are to follow."""
        if self.tool == "bubblewrap":
            return [*_bubblewrap(folder), sys.executable]
        if self.tool == USER:
            environment = [f"{name}={value}" for name, value in ENVIRONMENT.items()]
            return [*_limits(), *_become(NOBODY), "env", "-i", *environment, sys.executable]
        return [*_container(self.tool, folder), "python"]

    def seen(self, folder: Path) -> Path:
        """Where `folder` is seen inside."""
        return folder if self.tool == USER else Path(INSIDE)


def sandbox(tool: str = "bubblewrap") -> Sandbox:
    """Raises NoSandboxError where the tool is not installed or cannot do its work."""
    program = {"bubblewrap": "bwrap", USER: "setpriv"}.get(tool, tool)
    if shutil.which(program) is None:
        install = "apt install bubblewrap" if tool == "bubblewrap" else f"install {tool}"
        raise NoSandboxError(f"no sandbox: {program} is not installed ({install}){_ways_out(tool)}")
    here = Sandbox(tool)
    try:
        trial = subprocess.run(
            [*here.command(Path(os.devnull)), "-c", TRIAL, str(ANSWERS)],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoSandboxError(f"no sandbox: {program} does not start: {error}{_ways_out(tool)}") from error
    if trial.returncode:
        said = [line for line in trial.stderr.strip().splitlines() if line and not line.startswith("Run 'docker")]
        why = (said or [f"exit status {trial.returncode}"])[-1]
        raise NoSandboxError(f"no sandbox: {program} cannot make one here: {why}{_ways_out(tool)}")
    return here


def _ways_out(tool: str) -> str:
    other = "docker, podman" if tool == "bubblewrap" else "bubblewrap"
    return f"; name another one (--sandbox {other}), or say --trust on a machine that you can lose"


def _bubblewrap(folder: Path) -> list[str]:
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    return [
        "bwrap", *ALONE, *(AS_ROOT if as_root else AS_ANYBODY),
        *_system(), *(part for path in [*_python(), PACKAGE] for part in _read_only(path)),
        "--tmpfs", str(ANSWERS), "--remount-ro", str(ANSWERS),
        "--proc", "/proc", "--dev", "/dev", "--size", str(DISK), "--perms", "1777", "--tmpfs", str(TEMPORARY),
        "--ro-bind", str(folder), INSIDE, "--chdir", str(TEMPORARY),
        "--clearenv", *(part for pair in ENVIRONMENT.items() for part in ("--setenv", *pair)),
        *_limits(), *(_become(_stranger()) if as_root else []),
    ]  # fmt: skip


def _limits() -> list[str]:
    return ["prlimit", f"--nproc={PROCESSES}", f"--as={MEMORY}", f"--nofile={FILES}", "--core=0"]


def _become(user: int) -> list[str]:
    return ["setpriv", f"--reuid={user}", f"--regid={user}", *DROP]


def _stranger() -> int:
    """A user that no other sandbox has: the system counts a user's processes, wherever they are."""
    user = secrets.choice(STRANGERS)
    with open("/proc/self/uid_map") as lines:  # in a container there may be few users
        ranges = [range(first, first + count) for first, _, count in (map(int, line.split()) for line in lines)]
    return user if any(user in users for users in ranges) else NOBODY


def _read_only(path: Path) -> list[str]:
    """The folder, and those above it: bubblewrap would make them for their owner alone."""
    above = (part for parent in reversed(path.parents[:-1]) for part in ("--dir", str(parent)))
    return [*above, "--ro-bind", str(path), str(path)]


def _system() -> list[str]:
    """What the system's own libraries need; nothing of /home, /root, /etc's secrets, /var."""
    parts = ["--ro-bind", "/usr", "/usr", "--dir", "/etc"]
    for name in ("bin", "lib", "lib32", "lib64", "sbin"):
        place = Path("/", name)
        if place.is_symlink():
            parts += ["--symlink", os.readlink(place), str(place)]
        elif place.is_dir():
            parts += ["--ro-bind", str(place), str(place)]
    for name in ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime"):
        parts += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    return parts


def _python() -> list[Path]:
    """The interpreter and its libraries, as far as they lie outside /usr; the largest folders only."""
    paths = {Path(p) for p in (sys.prefix, sys.base_prefix, *map(sysconfig.get_path, ("purelib", "platlib", "stdlib")))}
    paths.add(Path(os.path.realpath(sys.executable)).parent)
    outside = sorted(path for path in paths if not path.is_relative_to("/usr") and path.is_dir())
    return [path for path in outside if not any(other != path and path.is_relative_to(other) for other in outside)]


def _container(tool: str, folder: Path) -> list[str]:
    engine = [f"{name}={os.environ[name]}" for name in ENGINE if name in os.environ]  # where the tool finds it
    return [
        "env", *engine, tool, "run", "--rm", "--log-driver", "none",  # else all that is printed is kept on the disk
        "--network", "none", "--read-only", "--tmpfs", f"{TEMPORARY}:size={DISK},mode=1777",
        "--memory", str(MEMORY), "--memory-swap", str(MEMORY), "--pids-limit", str(PROCESSES), "--cpus", "1",
        "--ulimit", f"nofile={FILES}", "--ulimit", "core=0",
        "--user", f"{NOBODY}:{NOBODY}", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
        "--volume", f"{folder}:{INSIDE}", "--workdir", str(TEMPORARY),
        *(part for name, value in ENVIRONMENT.items() for part in ("--env", f"{name}={value}")), IMAGE,
    ]  # fmt: skip
