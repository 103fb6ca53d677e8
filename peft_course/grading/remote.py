"""An answer in another process, as the grader sees it: questions go out, values or a `Failure` come back in time."""

import io
import pickle
import socket
import time
from collections.abc import Callable
from typing import Any

from . import wire
from .models import name_of
from .values import Failure, decode


class _Pickler(pickle.Pickler):
    """Writes a case's arguments; a model goes as its name."""

    def persistent_id(self, thing: Any) -> str | None:
        return name_of(thing)


class RemoteAnswer:
    """An answer in another process. Asking it gives values or a `Failure`, and takes no longer than the task allows."""

    def __init__(
        self, connection: socket.socket, end: Callable[[], int | None], job: dict[str, Any], seconds: float
    ) -> None:
        self.connection, self.end, self.seconds = connection, end, seconds
        self.used = 0.0  # seconds in which this process waited for the answer's code
        self.failure: Failure | None = None
        self.failure = self._ask(pickle.dumps(job))

    def __call__(self, *arguments: Any) -> Any:
        """The answer's values for these arguments."""
        if self.failure is not None:
            return self.failure
        question = io.BytesIO()
        _Pickler(question).dump(arguments)
        reply = self._ask(question.getvalue())
        if isinstance(reply, Failure) and reply.final:
            self.failure = reply
        return reply

    def _ask(self, message: bytes) -> Any:
        begin = time.monotonic()
        deadline = begin + self.seconds - self.used
        try:
            wire.send(self.connection, message, deadline)
            return decode(wire.receive(self.connection, deadline))
        except TimeoutError:
            return Failure("TimeoutError", f"took longer than {self.seconds:g} s", final=True)
        except ValueError:
            return Failure(
                "ValueError", "gave back what cannot be read as numbers, texts, lists or tensors", final=True
            )
        except OSError:
            status = self.end()
            how = f", with exit status {status}" if status is not None and status >= 0 else ""
            how = f", killed by signal {-status}" if status is not None and status < 0 else how
            return Failure("Ended", f"the code ended the process that it ran in{how}", final=True)
        finally:
            self.used += time.monotonic() - begin
