"""Programs that end with this one, however it ends."""

import ctypes
import signal
import socket
import subprocess

PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None)


def start(arguments, log):
    """Starts a program that the kernel kills when this one is gone."""
    return subprocess.Popen(
        arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))


def end(process):
    """Ends it at once, also where it is stopped."""
    process.kill()
    process.wait()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
