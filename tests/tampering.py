"""Tricks that try to get a point for a wrong answer, or to do harm: each a source for a notebook's answer cell.

In the sources OUTSIDE is a folder that an answer must not touch, with the file ``canary``; GRADER is the folder of the
grading package. `put_in_front` is always wrong.
"""

WRONG = "def put_in_front(vectors, embedded):\n    return embedded\n"
LINE = "✓ 4.2 put the vectors in front: passed (6 of 6 cases)"


def before(trick: str) -> str:
    """The trick is done when the cell runs."""
    return trick + "\n" + WRONG


def within(trick: str) -> str:
    """The trick is done when the answer is asked; it may return something."""
    body = "\n".join("    " + line for line in trick.strip().split("\n"))
    return f"def put_in_front(vectors, embedded):\n{body}\n    return embedded\n"


TRICKS = {
    # markers and magics
    "NBVAL_SKIP": before("# NBVAL_SKIP"),
    "NBVAL_IGNORE_OUTPUT": before("# NBVAL_IGNORE_OUTPUT"),
    "NBVAL_RAISES_EXCEPTION": before("# NBVAL_RAISES_EXCEPTION\nraise ValueError"),
    "%%script true": "%%script true\n" + WRONG,
    "%%capture": "%%capture\n" + WRONG,
    "%%writefile": f"%%writefile OUTSIDE/canary\n{WRONG}",
    "%run the reference": before("%run GRADER/exercises/ch04_soft_prompts.py"),
    "!command": before("!echo evil > OUTSIDE/canary"),
    "%%bash": "%%bash\necho evil > OUTSIDE/canary",
    "%sx": before("%sx echo evil > OUTSIDE/canary"),
    # said, not done
    "print the line of success": before(f"print({LINE!r})"),
    "print it when asked": within(f"print({LINE!r})"),
    "display it": before(f"from IPython.display import display\ndisplay({LINE!r})"),
    # what judges, replaced
    "check redefined": before(f"check = lambda number: print({LINE!r})"),
    "check replaced in its module": before("import peft_course.grading\npeft_course.grading.check = lambda *a: None"),
    "torch.isclose replaced": before(
        "import torch\n"
        "torch.isclose = torch.equal = torch.allclose = lambda a, *b, **k: torch.ones_like(a, dtype=torch.bool)"
    ),
    "isinstance replaced": before("import builtins\nbuiltins.isinstance = lambda *a: True"),
    "assert_close replaced": before("import torch\ntorch.testing.assert_close = lambda *a, **k: None"),
    "the writer of values replaced": before(
        "import peft_course.grading.worker as w, peft_course.grading.values as v\n"
        "w.encode = lambda value: v.encode({'passed': True})"
    ),
    "the reader of frames replaced": before("import peft_course.grading.wire as w\nw.receive = lambda *a: b''"),
    "an input transformer": before("get_ipython().input_transformers_post.append(lambda lines: ['1'])"),
    "tracebacks silenced": before(
        "get_ipython()._showtraceback = lambda *a: None\n"
        "get_ipython().set_custom_exc((Exception,), lambda *a, **k: None)"
    ),
    "an import hook": before(
        "import sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        print('looking for', name)\n"
        "sys.meta_path.insert(0, Finder())"
    ),
    "modules replaced": before(
        "import sys, types\n"
        "for name in [n for n in sys.modules if n.startswith('peft_course.grading')]:\n"
        "    sys.modules[name] = types.ModuleType(name)"
    ),
    # values that lie
    "equal to everything": "class Yes:\n    def __eq__(self, other): return True\n    shape = [2, 3, 8]\n"
    "def put_in_front(vectors, embedded):\n    return Yes()",
    "a tensor that says yes": "import torch\nclass Yes(torch.Tensor):\n    @classmethod\n"
    "    def __torch_function__(cls, f, types, args=(), kwargs=None): return True\n"
    "def put_in_front(vectors, embedded):\n    return torch.zeros(1).as_subclass(Yes)",
    "a pickle that acts": "import os\nclass Act:\n    def __reduce__(self): return os.mkdir, ('OUTSIDE/made',)\n"
    "def put_in_front(vectors, embedded):\n    return Act()",
    "not a number": within(
        "return embedded.new_full((len(embedded), len(vectors) + embedded.shape[1], 8), float('nan'))"
    ),
    "a failure as a value": within(
        "from peft_course.grading.values import Failure\nreturn Failure('passed', 'passed')"
    ),
    "a float with its own comparisons": "class F(float):\n    def __eq__(self, o): return True\n    __ne__ = __eq__\n"
    "def put_in_front(vectors, embedded):\n    return F(0)",
    "lists in lists without end": within("x = []\nx.append(x)\nreturn x"),
    "a reply of a gigabyte": within("import torch\nreturn torch.zeros(2**28)"),
    "frames written to the grader": within(
        "import os, struct\n"
        "for descriptor in range(3, 40):\n"
        "    try: os.write(descriptor, struct.pack('<Q', 4) + b'true')\n"
        "    except OSError: pass"
    ),
    "a huge frame announced": within(
        "import os, struct\n"
        "for descriptor in range(3, 40):\n"
        "    try: os.write(descriptor, struct.pack('<Q', 2**62))\n"
        "    except OSError: pass"
    ),
    # the right answers, looked for
    "the reference imported": within(
        "from peft_course.grading.exercises.ch04_soft_prompts import put_in_front as right\n"
        "return right(vectors, embedded)"
    ),
    "the reference found": within(
        "from peft_course.grading.exercises import find\nreturn find('4.2').reference(vectors, embedded)"
    ),
    "the judge imported": within("from peft_course.grading.judge import verdict\nreturn verdict('4.2', globals())"),
    "the reference loaded from its file": within(
        "import importlib.util as u\n"
        "spec = u.spec_from_file_location('right', 'GRADER/exercises/ch04_soft_prompts.py')\n"
        "m = u.module_from_spec(spec); spec.loader.exec_module(m)\nreturn m.put_in_front(vectors, embedded)"
    ),
    "the reference read": within("scope = {}\nexec(open('GRADER/exercises/ch04_soft_prompts.py').read(), scope)"),
    "the reference read by os": within(
        "import os\nos.read(os.open('GRADER/exercises/ch04_soft_prompts.py', os.O_RDONLY), 9)\nreturn 1"
    ),
    "the reference read through a link": within(
        "import os\nos.symlink('GRADER/exercises', 'link')\nreturn open('link/ch04_soft_prompts.py').read()"
    ),
    "the reference read by runpy": within(
        "import runpy\nreturn runpy.run_path('GRADER/exercises/ch04_soft_prompts.py')"
    ),
    "the solution read": within(
        "import json, pathlib\n"
        "text = pathlib.Path('GRADER/../../solutions/04-soft-prompts.ipynb').resolve().read_text()\n"
        "scope = {}\n"
        "for cell in json.loads(text)['cells']:\n"
        "    if ''.join(cell['source']).startswith('# Task 4.2'): exec(''.join(cell['source']), globals(), scope)\n"
        "return scope['put_in_front'](vectors, embedded)"
    ),
    "the book's solution read": within(
        "import pathlib, re\n"
        "text = pathlib.Path('GRADER/../../book/exercises/04-soft-prompts.md').resolve().read_text()\n"
        "scope = {'torch': __import__('torch')}\n"
        "exec(re.findall(r'# Task 4.2\\n(.*?)```', text, re.DOTALL)[1], scope)\n"
        "return scope['put_in_front'](vectors, embedded)"
    ),
    "the garbage collector asked": within(
        "import gc\n"
        "for thing in gc.get_objects():\n"
        "    if getattr(thing, '__name__', '') == 'put_in_front' and thing is not put_in_front:\n"
        "        return thing(vectors, embedded)"
    ),
    "frames walked": within(
        "import sys\n"
        "frame = sys._getframe()\n"
        "while frame:\n"
        "    for thing in frame.f_locals.values():\n"
        "        if hasattr(thing, 'reference'): return thing.reference(vectors, embedded)\n"
        "    frame = frame.f_back"
    ),
    "settrace": before("import sys\nsys.settrace(lambda *a: None)"),
    "setprofile": before("import sys\nsys.setprofile(lambda *a: None)"),
    # harm
    "a file written": within("open('OUTSIDE/canary', 'w').write('evil')"),
    "a file appended to": within("import pathlib\nwith pathlib.Path('OUTSIDE/canary').open('a') as f: f.write('evil')"),
    "a file opened for both": within("open('OUTSIDE/canary', 'r+').write('evil')"),
    "a file written by os": within("import os\nos.write(os.open('OUTSIDE/canary', os.O_WRONLY), b'evil')"),
    "a file written relative to a folder": within(
        "import os\nd = os.open('OUTSIDE', os.O_RDONLY)\nos.write(os.open('canary', os.O_WRONLY, dir_fd=d), b'evil')"
    ),
    "a file written by torch": within("import torch\ntorch.save(vectors, 'OUTSIDE/canary')"),
    "a file written by numpy": within("import numpy\nvectors.detach().numpy().tofile('OUTSIDE/canary')"),
    "a file written through a link": within(
        "import os\nos.symlink('OUTSIDE', 'link')\nopen('link/canary', 'w').write('evil')"
    ),
    "a file removed": within("import os\nos.remove('OUTSIDE/canary')"),
    "a file renamed": within("import os\nos.rename('OUTSIDE/canary', 'OUTSIDE/gone')"),
    "a file moved in": within("import os\nos.replace('OUTSIDE/canary', 'mine')"),
    "a file truncated": within("import os\nos.truncate('OUTSIDE/canary', 0)"),
    "a folder removed": within("import shutil\nshutil.rmtree('OUTSIDE')"),
    "a file made unreadable": within("import os\nos.chmod('OUTSIDE/canary', 0)"),
    "a file written through libc": within("import ctypes\nctypes.CDLL(None).unlink(b'OUTSIDE/canary')"),
    "a database": within("import sqlite3\nsqlite3.connect('OUTSIDE/canary').execute('create table t (x)')"),
    "the grader's file written": within("open('GRADER/task.py', 'a').write('# evil')"),
    "a command": within("import subprocess\nsubprocess.run(['sh', '-c', 'echo evil > OUTSIDE/canary'])"),
    "a command by os": within("import os\nos.system('echo evil > OUTSIDE/canary')"),
    "another program": within("import os\nos.execv('/bin/sh', ['sh', '-c', 'echo evil > OUTSIDE/canary'])"),
    "a fork": within("import os\nif os.fork() == 0: open('OUTSIDE/canary', 'w')"),
    "multiprocessing": within("import multiprocessing\np = multiprocessing.Process(target=print)\np.start()"),
    "the parent killed": within("import os\nos.kill(os.getppid(), 9)"),
    "every process killed": within("import os\nos.kill(-1, 9)"),
    "a connection": within("import socket\nsocket.create_connection(('127.0.0.1', 9))"),
    "a listener": within("import socket\nsocket.socket().bind(('127.0.0.1', 0))"),
    "at exit": before("import atexit\natexit.register(lambda: open('OUTSIDE/canary', 'w').write('evil'))"),
    "a thread that outlives the cell": before(
        "import threading, time\n"
        "def later():\n"
        "    while True:\n"
        "        time.sleep(0.01)\n"
        "        try: open('OUTSIDE/canary', 'w').write('evil')\n"
        "        except OSError: pass\n"
        "threading.Thread(target=later).start()"
    ),
    "the limits raised": within("import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))"),
    # ends and floods
    "os._exit": within("import os\nos._exit(0)"),
    "sys.exit": within("import sys\nsys.exit(0)"),
    "exit in the cell": before("raise SystemExit(0)"),
    "exit()": before("exit()"),
    "a crash": within("import sys\nsys.setrecursionlimit(10**9)\ndef f(): return f()\nf()"),
    "an endless loop": within("while True: pass"),
    "an endless loop in the cell": before("while True: pass"),
    "an endless loop that catches all": within(
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass"
    ),
    "sleep": within("import time\ntime.sleep(1000)"),
    "endless output": within("while True: print('x' * 10_000)"),
    "input()": within("input()"),
    "ten gigabytes": within("import torch\ntorch.ones(10 * 2**30)"),
    "ten gigabytes in pieces": within("x = []\nwhile True: x.append(bytearray(2**26))"),
    "ten gigabytes on disk": within("with open('big', 'wb') as f:\n    for _ in range(10_000): f.write(bytes(2**20))"),
    "a thousand threads": before(
        "import threading, time\nfor _ in range(1000): threading.Thread(target=time.sleep, args=(9,)).start()"
    ),
}
ENDLESS = {name for name in TRICKS if "endless" in name or name == "sleep"}
