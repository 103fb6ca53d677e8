"""Code of somebody who wants to do harm: each a few lines that print ESCAPED where they reach what they must not.

OUTSIDE is a folder of the test's, with the files ``canary`` and ``other.ipynb``; PORT is a port of this machine where
the test listens; GRADER the folder of the grading package; PARENT the test's own process. That each does what it says
where nothing keeps it from it, test_sandbox.py shows.
"""

REACH = "\nprint('ESCAPED')"

HOSTILE = {
    "delete the home folder": (
        "import os, shutil\n"
        "for home in ('/root', '/home', os.path.expanduser('~'), 'OUTSIDE'):\n"
        "    shutil.rmtree(home, ignore_errors=True)\n"
    ),
    "read another submission": "open('OUTSIDE/other.ipynb').read()" + REACH,
    "read the right answers": "open('GRADER/exercises/ch04_soft_prompts.py').read()" + REACH,
    "list the right answers": "import os\nassert os.listdir('GRADER/exercises')" + REACH,
    "write beside the grader": "open('GRADER/worker.py', 'a').write('#')" + REACH,
    "write into the system": "open('/usr/share/evil', 'w').write('was here')" + REACH,
    "read who has an account": "open('/etc/shadow').read()" + REACH,
    "out by a symbolic link": (
        "import os\nos.symlink('OUTSIDE', 'link')\nopen('link/canary', 'a').write('silent')" + REACH
    ),
    "out by /proc": (
        "import glob\n"
        "for place in glob.glob('/proc/*/root') + glob.glob('/proc/*/cwd'):\n"
        "    try:\n"
        "        open(place + 'OUTSIDE/canary').read()\n"
        "        print('ESCAPED')\n"
        "    except OSError:\n"
        "        pass\n"
    ),
    "read the grader's environment": (
        "import glob\n"
        "for place in glob.glob('/proc/*/environ'):\n"
        "    try:\n"
        "        if 'TOP_SECRET' in open(place).read():\n"
        "            print('ESCAPED')\n"
        "    except OSError:\n"
        "        pass\n"
    ),
    "connect to this machine": (
        "import socket\nsocket.create_connection(('127.0.0.1', PORT), timeout=2).sendall(b'secret')" + REACH
    ),
    "ask for a name": "import socket\nsocket.getaddrinfo('example.org', 80)" + REACH,
    "listen where others connect": (
        "import socket, time\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "assert open('/proc/net/dev').read().count(':') > 1, 'only its own loopback'" + REACH
    ),
    "kill everybody": (
        "import os, signal\n"
        "for victim in (os.getppid(), PARENT, 1, -1):\n"
        "    try:\n"
        "        os.kill(victim, signal.SIGKILL)\n"
        "    except OSError:\n"
        "        pass\n"
    ),
    "a fork bomb": (
        "import os, time\n"
        "born = 0\n"
        "try:\n"
        "    for _ in range(200):\n"
        "        if os.fork() == 0:\n"
        "            time.sleep(30)\n"
        "            os._exit(0)\n"
        "        born += 1\n"
        "except OSError:\n"
        "    pass\n"
        "if born >= 100:\n"
        "    print('ESCAPED')\n"
    ),
    "a process that outlives the answer": (
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        time.sleep(600)\n"
        "    os._exit(0)\n"
    ),
    "fill the disk": (
        "data = b'0' * 2**20\n"
        "written = 0\n"
        "try:\n"
        "    for number in range(1000):\n"
        "        with open(str(number), 'wb') as file:\n"
        "            for _ in range(10):\n"
        "                written += file.write(data)\n"
        "except OSError:\n"
        "    pass\n"
        "if written > 300 * 2**20:\n"
        "    print('ESCAPED')\n"
    ),
    "fill the memory": "hold = bytearray(20 * 2**30)" + REACH,
    "ten gigabytes of output": (
        "import sys\n"
        "line = 'x' * 2**20\n"
        "for _ in range(10_000):\n"
        "    sys.stdout.write(line)\n"
        "    sys.stderr.write(line)\n"
    ),
    "a namespace of its own": (
        "import ctypes\n"
        "libc = ctypes.CDLL(None)\n"
        "if libc.unshare(0x10020000) == 0 and libc.mount(b'none', b'/usr', b'tmpfs', 0, None) == 0:\n"
        "    print('ESCAPED')\n"
    ),
    "become root": "import os\nos.setuid(0)" + REACH,
    "a program that is somebody else's": (
        "import os, subprocess, time\n"
        "su = subprocess.Popen(['su'], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
        "time.sleep(0.5)\n"
        "runs_as = open(f'/proc/{su.pid}/status').read().split('Uid:')[1].split()[1]\n"
        "su.stdin.close()\n"
        "if int(runs_as) != os.geteuid():\n"
        "    print('ESCAPED')\n"
    ),
    "follow the grader's memory": (
        "import ctypes\nif ctypes.CDLL(None).ptrace(16, PARENT, 0, 0) == 0:\n    print('ESCAPED')\n"
    ),
}
