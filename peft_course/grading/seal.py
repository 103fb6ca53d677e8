"""What a process that runs a learner's code may do: compute, read, and write in one folder.

Two walls. The interpreter's audit hook, on every system, refuses to start or signal processes, to use the network, to
write outside the folder and to read what is hidden; it cannot be removed, and what could reach around it (a debugger's
hooks, the garbage collector's lists, foreign functions) is refused too. On Linux the kernel's Landlock refuses writing,
signals and connections for good, whatever runs in the process. Limits on memory and file sizes come from `resource`.

This keeps an answer from doing harm or from helping itself to the grader's files. It is no sandbox for a class of
strangers: they get a process that sees nothing else at all.
"""

import builtins
import contextlib
import ctypes
import os
import struct
import sys
from pathlib import Path
from typing import Any

MEMORY = 3 * 2**30  # bytes, beyond what the process has when it is sealed
FILE_SIZE = 64 * 2**20  # bytes of one file
REFUSED = (
    "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile", "os.fork", "pty.",
    "os.kill", "signal.", "socket.connect", "socket.bind", "socket.send", "socket.getaddrinfo", "socket.gethost",
    "gc.get_", "sys.settrace", "sys.setprofile", "ctypes.", "resource.", "os.setxattr", "os.removexattr",
    "syslog.", "winreg.", "_winapi.", "ftplib.", "smtplib.", "urllib.", "http.", "webbrowser.",
)  # fmt: skip
WRITES = (
    "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown",
    "os.lchown", "os.utime", "os.chflags", "shutil.", "sqlite3.connect", "tempfile.",
)  # fmt: skip


def seal(folder: Path, hidden: tuple[Path, ...]) -> None:
    """From here on this process writes only in `folder` and reads nothing in `hidden`. There is no way back."""
    _limit()
    _landlock(folder)
    _audit(str(folder.resolve()), tuple(str(path.resolve()) for path in hidden))


def _limit() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_SIZE, FILE_SIZE))
    with contextlib.suppress(OSError):  # only Linux tells how much a process has
        has = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (has + MEMORY, has + MEMORY))


def _audit(folder: str, hidden: tuple[str, ...]) -> None:
    # Everything that the hook uses is a local variable: a learner's code that replaces `isinstance` replaces its own.
    starts, isinstance_, text = str.startswith, builtins.isinstance, (str, bytes)
    realpath, fspath, isdir, sep, null = os.path.realpath, os.fsdecode, os.path.isdir, os.sep, os.devnull
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    refused, writes, error, getattr_ = REFUSED, WRITES, PermissionError, builtins.getattr
    secret, module = "peft_course.grading.exercises", __name__

    def within(path: str, place: str) -> bool:
        return path == place or starts(path, place + sep)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if starts(event, refused):
            raise error(f"not available while an answer is graded: {event}")
        if event == "import" and starts(arguments[0], secret):
            raise error("not available while an answer is graded: the grader's own modules")
        if event == "open" and isinstance_(arguments[0], text):
            path, flags = realpath(fspath(arguments[0])), arguments[2] or 0
            for place in hidden:
                if within(path, place):
                    raise error("not available while an answer is graded: the grader's own files")
            if isinstance_(arguments[1], str) and starts(arguments[1], ("w", "a", "x")) or flags & writing:
                if path != null and not within(path, folder):
                    raise error(f"an answer writes only in its working folder, not to {arguments[0]!r}")
            elif isdir(path) and arguments[1] is None:
                raise error("not available while an answer is graded: an open folder")
        elif starts(event, writes):
            for argument in arguments:
                if isinstance_(argument, text) and not within(realpath(fspath(argument)), folder):
                    raise error(f"an answer changes files only in its working folder, not {argument!r}")
        elif event == "object.__setattr__" and getattr_(arguments[0], "__module__", None) == module:
            raise error("not available while an answer is graded: a function of the grader")

    sys.addaudithook(hook)


# -- Landlock (linux/landlock.h; https://docs.kernel.org/userspace-api/landlock.html) ---------------------------------
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture
PR_SET_NO_NEW_PRIVS = 38
WRITE_FILE, READ_ACCESS = 1 << 1, (1 << 0) | (1 << 2) | (1 << 3)  # reading is: execute, read a file, list a folder


def _landlock(folder: Path) -> bool:
    """Whether the kernel now refuses this process to write outside `folder`, to connect, and to signal others."""
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    abi = libc.syscall(CREATE_RULESET, None, 0, 1)
    if abi < 1:
        return False
    last_bit = {1: 12, 2: 13}.get(abi, 14)
    files = ((1 << (last_bit + 1)) - 1) & ~READ_ACCESS
    attributes = struct.pack(
        "<QQQ", files, 3 if abi >= 4 else 0, 3 if abi >= 6 else 0
    )  # files, TCP, signals and sockets
    attributes = attributes[: 24 if abi >= 6 else 16 if abi >= 4 else 8]
    rules = libc.syscall(CREATE_RULESET, attributes, len(attributes), 0)
    if rules < 0:
        return False
    for path, rights in ((folder, files), (Path(os.devnull), files & (WRITE_FILE | 1 << 14))):
        place = os.open(path, os.O_PATH)
        libc.syscall(ADD_RULE, rules, 1, struct.pack("<Qi", rights, place), 0)
        os.close(place)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    done = libc.syscall(RESTRICT_SELF, rules, 0)
    os.close(rules)
    return bool(done == 0)
