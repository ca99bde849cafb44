"""What several scenarios do, and find out meanwhile."""

import documents
from lab import BACK_SECONDS, SHUTDOWN_SECONDS, wait_until

# answer-timeout is 10; starting a program takes time on an emulated machine.
ANSWER_SECONDS = 15


def make_busy(machine):
    """Students with their working directory and a file in images; one of them read its start."""
    machine.run("systemctl stop 'busy-*'")
    for name in "course", "data":
        machine.begin(f"busy-{name}", f"cd /mnt/autosquash/{name}/data && exec sleep 10000 <genome.fa",
                      "student")
    machine.check("head -c 4096 /mnt/autosquash/big/data", user="student")
    for name in "course", "data":
        wait_until(lambda: f"/{name} " in machine.check("cat /proc/mounts"), 30)


def end_busy(machine):
    machine.run("systemctl stop 'busy-*'")


def used_images_are_back(machine, check):
    for name in "course", "data":
        check.succeeds(f"the image {name}, which was in use", machine.run(
            f"cat /mnt/autosquash/{name}/data/reads_1.fastq.gz >/dev/null", user="student"))


def unlink_overlay(machine, check):
    links = "find / -xdev -lname '/mnt/s3fs/*' -not -path '/proc/*'"
    before = machine.check(links)
    result = machine.run("autosquash overlay unlink --dry-run")
    check.succeeds("overlay unlink --dry-run", result)
    check.holds("it would remove every link",
                before and all(path in result.output for path in before.split()), result)
    check.holds("it removes none", machine.check(links) == before)
    check.succeeds("overlay unlink", machine.run("autosquash overlay unlink"))
    check.holds("no link is left", not machine.check(links), machine.check(links))


def is_served(lab, check, when, machine=None):
    for what, (seconds, missing) in lab.wait_until_served(machine).items():
        check.within(f"{what} {when}", seconds, BACK_SECONDS, missing)


def shut_down(machine, check, what):
    seconds = machine.shut_down(timeout=3 * SHUTDOWN_SECONDS)
    check.within(what, seconds, SHUTDOWN_SECONDS, machine.console())


def fails_in_time(machine, check, what, command, most=ANSWER_SECONDS):
    result = machine.run(command, user="student", timeout=4 * ANSWER_SECONDS)
    good = result.status not in (0, None)
    check.within(what, result.seconds if good else None, most, result)


def follow_doctor(machine, check, rounds=4):
    """Types what doctor says until it says nothing more."""
    followed = set()
    for _ in range(rounds):
        result = machine.run("autosquash doctor")
        hints = documents.hints(result.output)
        commands = {hint.command: hint for hint in hints if hint.command not in followed}
        if not commands:
            break
        for command, hint in commands.items():
            followed.add(command)
            if command is None:
                check.holds(f"a command in doctor's hint: {hint.text}", False, hint)
            else:
                check.succeeds(f"doctor: {command}", machine.run(command, timeout=300))
    check.holds("doctor has nothing more to say",
                result.status == 0 and not documents.hints(result.output), result)
