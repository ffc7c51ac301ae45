"""A Ray cluster of two machines on this one, for tests: started and killed as processes."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
RAY = Path(sys.executable).with_name("ray")
START_SECONDS = 600  # ten are enough on a machine that is not busy


def importable():
    """`PYTHONPATH` with the runners of the tests in front."""
    return os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)


def processes_with(temporary):
    """The processes whose folder for temporary files this is, those they started included."""
    mark = f"TMPDIR={temporary}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except (OSError, ValueError):
            continue
    return found


class Node:
    """One raylet with its workers, in a session of its own so that it can be killed whole."""

    def __init__(self, name, arguments, root, hidden):
        self.place = root / name
        (self.place / "tmp").mkdir(parents=True)
        environment = {
            **os.environ,
            "NODE": name,
            "DRIVER_FOLDER": str(hidden),
            "TMPDIR": str(self.place / "tmp"),
            "PYTHONPATH": importable(),
            "RAY_AUTH_MODE": "disabled",
            "RAY_raylet_start_wait_time_s": str(START_SECONDS),
            "RAY_health_check_initial_delay_ms": "1000",
            "RAY_health_check_period_ms": "500",
            "RAY_health_check_failure_threshold": "4",
        }
        command = [
            *without(hidden), str(RAY), "start", *arguments, "--num-cpus", "1", "--block",
            "--disable-usage-stats", "--object-store-memory", str(100 * 2**20),
        ]  # fmt: skip
        self.log = (self.place / "log").open("w")
        self.process = subprocess.Popen(
            command, cwd=self.place, env=environment, start_new_session=True,
            stdout=self.log, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def pids(self):
        """Every process of it."""
        return processes_with(self.place / "tmp")

    def kill(self):
        """As when a machine is switched off."""
        for _ in range(3):  # the dying may still start others
            for pid in self.pids():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            time.sleep(0.1)
        self.process.wait()
        self.log.close()


class Cluster:
    """Two nodes of one core each. `hidden` is a folder that neither can see, where that can be."""

    def __init__(self, hidden):
        # Ray's sockets have short names only, pytest's folders long ones.
        self.root = Path(tempfile.mkdtemp(prefix="sf-", dir="/tmp"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"127.0.0.1:{port}"
        head = ("--head", "--port", str(port), "--include-dashboard", "false",
                "--temp-dir", str(self.root / "ray"))  # fmt: skip
        self.nodes = []
        try:
            for name, arguments in (("first", head), ("second", ("--address", self.address))):
                self.nodes.append(Node(name, arguments, self.root, hidden))
                self._wait_for("Ray runtime started", self.nodes[-1])
        except BaseException:
            self.stop()
            raise

    def _wait_for(self, words, node):
        deadline = time.monotonic() + START_SECONDS
        while words not in (node.place / "log").read_text():
            assert node.process.poll() is None, (node.place / "log").read_text()
            assert time.monotonic() < deadline, (node.place / "log").read_text()
            time.sleep(0.1)

    def stop(self):
        for node in self.nodes:
            node.kill()
        shutil.rmtree(self.root, ignore_errors=True)


def without(folder):
    """The start of a command that cannot see what is in a folder; empty where that is forbidden."""
    for unshare in (["unshare", "--mount"], ["unshare", "--user", "--map-root-user", "--mount"]):
        command = [*unshare, "sh", "-c", 'mount -t tmpfs tmpfs "$0" && exec "$@"', str(folder)]
        if subprocess.run([*command, "true"], capture_output=True).returncode == 0:
            return command
    return []
