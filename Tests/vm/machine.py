"""A virtual machine: QEMU, its monitor, and the agent that runs commands in the guest."""

import base64
import json
import os
import random
import re
import shlex
import socket
import time

import processes

MEMORY = "1536M"
# A running kernel says so in a second or two; a spinning one never does.
PROBE_SECONDS = 15
COMMAND_LINE = "console=ttyS0 root=/dev/vda rw panic=-1"


class MachineError(Exception):
    pass


class Result:
    """What a command in the guest came to; the status is None where it did not end in time."""

    def __init__(self, command, status, output, seconds):
        self.command = command
        self.status = status
        self.output = output
        self.seconds = seconds

    def __str__(self):
        ending = "did not end" if self.status is None else f"status {self.status}"
        return f"`{self.command}`: {ending} after {self.seconds:.1f} s: {self.output.strip()}"


class Channel:
    """JSON lines over a socket of QEMU: its monitor, or the guest's agent."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.rest = b""

    def close(self):
        self.socket.close()

    def read(self, timeout):
        end = time.monotonic() + timeout
        while b"\n" not in self.rest:
            self.socket.settimeout(max(end - time.monotonic(), 0.01))
            data = self.socket.recv(65536)
            if not data:
                raise MachineError("the machine is gone")
            self.rest += data
        line, self.rest = self.rest.split(b"\n", 1)
        return json.loads(line)

    def ask(self, name, arguments=None, timeout=60):
        request = {"execute": name, "arguments": arguments or {}}
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        while True:
            answer = self.read(timeout)
            if "error" in answer:
                raise MachineError(f"{name}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]


class Machine:
    """One disk, and the QEMU process that runs it between `boot` and `shut_down`."""

    def __init__(self, base, disk, payload, work, logs, accelerator):
        self.base = base
        self.disk = disk
        self.payload = payload
        self.work = work
        self.logs = logs
        self.accelerator = accelerator
        self.process = None
        self.boots = 0

    @property
    def is_on(self):
        return self.process is not None and self.process.poll() is None

    # Start and end

    def start(self, network=True):
        """Starts it, with the cable in or not."""
        self.boots += 1
        self.started = time.monotonic()
        name = self.logs / f"{self.disk.stem}-{self.boots}"
        self.console_file = name.with_suffix(".serial")
        self.process = processes.start(
            [*command(self.base, self.accelerator),
             "-smp", "2", "-m", MEMORY, "-no-reboot", "-S",
             "-append", COMMAND_LINE, "-serial", f"file:{self.console_file}",
             "-drive", f"file={self.disk},format=raw,if=virtio,cache=unsafe",
             "-drive", f"file={self.payload},format=raw,if=virtio,readonly=on",
             "-netdev", "user,id=net0", "-device", "virtio-net-pci,netdev=net0,id=link",
             "-device", "virtio-rng-pci", "-device", "virtio-serial-pci",
             "-chardev", f"socket,path={self.work}/agent,server=on,wait=off,id=agent",
             "-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0",
             "-chardev", f"socket,path={self.work}/monitor,server=on,wait=off,id=monitor",
             "-mon", "chardev=monitor,mode=control"],
            open(f"{name}.log", "w"))
        self.monitor = self.connect("monitor")
        self.monitor.ask("qmp_capabilities")
        self.set_link(network)
        self.monitor.ask("cont")
        self.agent = None

    def connect(self, name):
        for _ in range(100):
            try:
                return Channel(self.work / name)
            except OSError:
                time.sleep(0.1)
        raise MachineError(f"QEMU does not start; {self.logs} has its log")

    def boot(self, network=True, timeout=300):
        """Starts it and waits until systemd is done with what it starts; the seconds it took."""
        self.start(network)
        self.wait_for_agent(timeout)
        left = timeout - (time.monotonic() - self.started)
        self.run("systemctl is-system-running --wait", timeout=left)
        return time.monotonic() - self.started

    def wait_for_agent(self, timeout):
        end = self.started + timeout
        self.agent = self.connect("agent")
        while time.monotonic() < end:
            # It may still answer commands it has not received yet.
            number = random.randrange(1 << 30)
            request = {"execute": "guest-sync", "arguments": {"id": number}}
            self.agent.socket.sendall(json.dumps(request).encode() + b"\n")
            try:
                while self.agent.read(2).get("return") != number:
                    pass
                return
            except TimeoutError:
                if self.process.poll() is not None:
                    break
        raise MachineError(f"the machine does not start; {self.logs} has its console")

    def shut_down(self, timeout=120):
        """Has systemd stop it; the seconds that took, or None where it had to be switched off."""
        started = time.monotonic()
        self.agent.ask("guest-exec", {"path": "systemctl", "arg": ["--no-block", "reboot"]})
        try:
            self.process.wait(timeout)
        except processes.subprocess.TimeoutExpired:
            self.switch_off()
            return None
        return time.monotonic() - started

    def switch_off(self):
        if self.process is not None:
            processes.end(self.process)

    def console(self, lines=8):
        """The end of what it has printed."""
        text = self.console_file.read_text(errors="replace")
        text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text).replace("\r", "\n")
        return "\n".join([line for line in text.split("\n") if line.strip()][-lines:])

    def set_link(self, is_up):
        """Plugs the network cable in, or out, where the machine is on."""
        if self.is_on:
            self.monitor.ask("set_link", {"name": "link", "up": is_up})

    # Commands

    def run(self, command, user=None, timeout=120):
        """Runs a line of the shell in the guest, as root or as a user who is logged in.

        Where it does not end in time, it is left behind.
        """
        line = command
        if user:
            line = f"systemd-run -q --pipe --wait --collect {SESSION} --uid={user} -- sh -c " \
                + shlex.quote(f"exec 2>&1; cd; {command}")
        started = time.monotonic()
        process = self.agent.ask("guest-exec", {
            "path": "sh", "arg": ["-c", f"exec 2>&1; {line}"], "capture-output": True,
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                    "HOME=/root", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"]})["pid"]
        while True:
            state = self.agent.ask("guest-exec-status", {"pid": process})
            seconds = time.monotonic() - started
            if state["exited"]:
                output = base64.b64decode(state.get("out-data", "")).decode(errors="replace")
                status = state.get("exitcode", 128 + state.get("signal", 0))
                return Result(command, status, output, seconds)
            if seconds > timeout:
                return Result(command, None, "", seconds)
            time.sleep(0.2)

    def check(self, command, user=None, timeout=120):
        """The output of a command that must succeed."""
        result = self.run(command, user, timeout)
        if result.status != 0:
            raise MachineError(str(result))
        return result.output

    def begin(self, name, command, user):
        """Has a user do something that goes on, in a session that ends before the network does."""
        self.check(f"systemd-run -q --collect --unit={name} {SESSION} --uid={user} -- sh -c "
                   + shlex.quote(command))


# As logind lists users' sessions.
SESSION = "--slice=user.slice -p After=systemd-user-sessions.service"


def command(base, accelerator):
    return ["qemu-system-x86_64", "-accel", accelerator,
            "-cpu", "kvm64" if accelerator == "kvm" else "max", "-display", "none", "-nodefaults",
            "-kernel", str(base.kernel), "-initrd", str(base.initrd)]


def accelerator(base, logs):
    """kvm, where it really runs a kernel, or else tcg."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    console = logs / "probe.serial"
    process = processes.start(
        [*command(base, "kvm"), "-m", MEMORY, "-no-reboot", "-append", COMMAND_LINE,
         "-serial", f"file:{console}"],
        open(logs / "probe.log", "w"))
    try:
        end = time.monotonic() + PROBE_SECONDS
        while time.monotonic() < end and process.poll() is None:
            if console.exists() and b"Run /init" in console.read_bytes():
                return "kvm"
            time.sleep(0.2)
        return "tcg"
    finally:
        processes.end(process)
