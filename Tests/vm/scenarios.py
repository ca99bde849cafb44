"""What users and administrators rely on, a function each, in the order in which they are run.

Each begins with the machine as it finds it and says which it needs (`lab.ready()`), so that any of
them can be run alone, and that together they boot as rarely as they can.
"""

import subprocess
import time

import contents
import documents
import image
import ways
from lab import BACK_SECONDS, PAYLOAD, wait_until
from steps import (ANSWER_SECONDS, end_busy, fails_in_time, follow_doctor, is_served, make_busy,
                   shut_down, unlink_overlay, used_images_are_back)

# Our units and mounts in the output of systemctl.
OURS = "grep -E 'autosquash|autofs|s3fs' || true"
# Log lines for each minute without the bucket.
MOST_LINES = 30


def first_mount(lab, check):
    """Package, docs and doctor, followed word by word, lead to images, and to the overlay."""
    machine = lab.fresh()
    check.succeeds("apt-get install ./autosquash.deb",
                   machine.run(f"apt-get install -q {PAYLOAD}/autosquash.deb", timeout=600))
    check.holds("doctor says before setup that something is missing",
                machine.run("autosquash doctor").status == 1)
    lab.way.introduce(machine)
    for command in lab.way.commands():
        result = machine.run(command, timeout=600)
        if command.startswith("autosquash doctor"):
            continue  # It may find something; that comes next.
        check.succeeds(f"machines.md: {command}", result)
    follow_doctor(machine, check)
    if lab.way.has_overlay:
        for command in documents.commands("overlay.md"):
            check.succeeds(f"overlay.md: {command}", machine.run(command))
    is_served(lab, check, "are there")
    lab.way.check_set_up(machine, check)
    lab.prepare()


def matrix(lab, check):
    """A student reads in every kind of image what was packed: contents, permissions, links."""
    machine = lab.ready()
    names = contents.matrix()
    results = [machine.run(f"cd /mnt/autosquash/{name} && {contents.DIGEST}", user="student")
               for name in names]
    different = [result for result in results if result.output != lab.place.digest]
    check.holds(f"{len(names)} images equal their source", not different,
                "\n".join(map(str, different)))
    listed = machine.run("cd /mnt/autosquash && ls -d matrix/*").output.split()
    check.holds("they are listed", listed == sorted(names), listed)
    kernel = machine.run("journalctl -qb -k -p warning -g 'squashfs|loop|I/O error'").output
    check.holds("the kernel complains of none", not kernel, kernel)


def clock(lab, check):
    """What doctor says of a clock that nothing keeps right mends it."""
    machine = lab.ready()
    machine.check("timedatectl set-ntp false")
    hints = [hint for hint in documents.hints(machine.run("autosquash doctor").output)
             if " clock: " in hint.fault]
    check.holds("doctor notices", hints)
    follow_doctor(machine, check)
    machine.check("timedatectl set-ntp true")


def reboot(lab, check):
    """With images in use the machine stops quickly, and comes back with everything in place."""
    machine = lab.ready()
    make_busy(machine)
    shut_down(machine, check, "shutdown with images in use")
    check.took("boot", machine.boot())
    is_served(lab, check, "after that")
    state = machine.run("systemctl is-system-running; systemctl --failed --no-legend --plain")
    check.holds("the system is running, no unit failed", state.output == "running\n", state)
    cycles = machine.run("journalctl -qb -g 'ordering cycle'").output
    check.holds("no ordering cycle", not cycles, cycles)
    machine.check("date +%s >/run/before; for i in 1 2 3; do"
                  " systemctl start autosquash-refresh.service; done; sleep 2")
    lines = machine.check("journalctl -q --since=@$(cat /run/before) -u autosquash-refresh.service")
    check.holds("refreshing a bucket that did not change logs nothing", not lines, lines)


def switched_off(lab, check):
    """What docs/machines.md says to switch off stays off."""
    machine = lab.ready()
    stop = "systemctl show -p ExecStop autofs.service"
    check.holds("the automounter's stop sets free", "recover" in machine.check(stop))
    drop_in = "/etc/systemd/system/autofs.service.d/60-local.conf"
    machine.check(f"printf '[Service]\\nExecStop=\\n' >{drop_in} && systemctl daemon-reload")
    told = machine.check(stop)
    check.holds("not so with a file of one's own", "recover" not in told, told)
    machine.check(f"rm {drop_in} && systemctl daemon-reload")
    machine.check("systemctl stop autofs autosquash-refresh.timer mnt-s3fs.mount; sleep 75")
    mounted = machine.run("findmnt /mnt/s3fs")
    check.holds("without the timer the bucket stays away", mounted.status != 0, mounted)
    machine.check("systemctl start autosquash-refresh.timer autofs")
    is_served(lab, check, "are there with it")


def mount_unit(lab, check):
    """The example's mount unit, in place of the line in fstab, works by the words in it."""
    machine = lab.ready()
    machine.check("cp /etc/fstab /root/fstab && sed -i /s3fs/d /etc/fstab && systemctl stop autofs"
                  " && systemctl stop mnt-s3fs.mount && systemctl daemon-reload")
    unit = "/etc/systemd/system/mnt-s3fs.mount"
    machine.check(f"cp /usr/share/doc/autosquash/examples/mnt-s3fs.mount {unit} && sed -i"
                  f" 's|^Options=.*|&,url={lab.bucket.url},use_path_request_style|' {unit}")
    check.succeeds("systemctl enable --now mnt-s3fs.mount",
                   machine.run("systemctl enable --now mnt-s3fs.mount"))
    machine.check("systemctl start autofs")
    is_served(lab, check, "are there")
    lab.way.check_mount(machine, check)
    machine.run("systemctl disable mnt-s3fs.mount; systemctl stop autofs mnt-s3fs.mount;"
                f" rm {unit}; mv /root/fstab /etc/fstab; systemctl daemon-reload;"
                " systemctl start mnt-s3fs.mount; systemctl start autofs")


def s3fs_killed(lab, check):
    """When s3fs dies, users get errors at once, and what doctor says brings all back."""
    machine = lab.ready()
    make_busy(machine)
    machine.check("pkill -9 -x s3fs")
    fails_in_time(machine, check, "an image in use fails", "tail -c 9 /mnt/autosquash/big/data")
    fails_in_time(machine, check, "a listed image fails", "ls /mnt/autosquash/spare-0")
    fails_in_time(machine, check, "an unknown name fails", "ls /mnt/autosquash/nope-killed")
    follow_doctor(machine, check)
    is_served(lab, check, "are back")
    used_images_are_back(machine, check)
    end_busy(machine)


def server_killed(lab, check):
    """The end of one image's program is that image's alone; of all, everybody's for a minute."""
    machine = lab.ready()
    make_busy(machine)
    # The one that serves is nobody's; the other one waits for its end, and unmounts.
    machine.check("pkill -9 -u nobody -f 'autosquash mount .*/course.squash'")
    fails_in_time(machine, check, "who is in its image gets an error",
                  "cat /proc/$(systemctl show -P MainPID busy-course)/cwd/genome.fa")
    check.succeeds("the next who uses it has it", machine.run(
        "head -c 8 /mnt/autosquash/course/README.txt", user="student"))
    check.succeeds("another image is in use as before", machine.run(
        "cat /mnt/autosquash/data/data/reads_1.fastq.gz >/dev/null", user="student"))
    machine.check("pkill -9 -f '[a]utosquash mount '")
    fails_in_time(machine, check, "with all of them killed, an image in use fails",
                  "ls /mnt/autosquash/data/data")
    began = time.monotonic()
    is_back = wait_until(
        lambda: machine.run("ls /mnt/autosquash/data/data", user="student").status == 0,
        BACK_SECONDS)
    check.within("it is back by itself", time.monotonic() - began if is_back else None,
                 BACK_SECONDS)
    follow_doctor(machine, check)
    is_served(lab, check, "are back")
    used_images_are_back(machine, check)
    end_busy(machine)


def automounter(lab, check):
    """Images in use survive the automounter, which takes them over when it runs again."""
    machine = lab.ready()
    make_busy(machine)
    check.succeeds("the automounter restarts with images in use",
                   machine.run("systemctl restart autofs"))
    survives(lab, machine, check, "a restart of the automounter")
    machine.check("systemctl kill --kill-who=main --signal=KILL autofs; sleep 2")
    check.succeeds("an image in use, without an automounter", machine.run(IN_USE))
    fails_in_time(machine, check, "an unused image fails", "ls /mnt/autosquash/spare-4")
    follow_doctor(machine, check)
    survives(lab, machine, check, "the automounter's end")
    end_busy(machine)
    shut_down(machine, check, "shutdown after that")


# The file that a student holds.
IN_USE = "head -c 100 /proc/$(systemctl show -P MainPID busy-course)/cwd/genome.fa"


def survives(lab, machine, check, what):
    check.succeeds(f"an image in use, after {what}", machine.run(IN_USE))
    is_served(lab, check, f"are there after {what}")
    check.succeeds(f"another image, after {what}",
                   machine.run("ls /mnt/autosquash/spare-5", user="student"))


def s3_hangs(lab, check):
    """An S3 server that takes connections and answers none holds nobody for long."""
    outage(lab, check, "spare-1", lab.bucket.hang, lab.bucket.resume)


def s3_refuses(lab, check):
    """An S3 server that is not there holds nobody for long."""
    outage(lab, check, "spare-2", lab.bucket.stop, lab.bucket.start)


def network_down(lab, check):
    """A network that is gone holds nobody for long."""
    outage(lab, check, "spare-3", lambda: lab.machine.set_link(False),
           lambda: lab.machine.set_link(True), has_network=False)


def outage(lab, check, spare, begin, end, has_network=True):
    """The bucket goes away in use; the machine stops, starts without it, and has it back.

    The image `spare` was not used before.
    """
    machine = lab.ready()
    make_busy(machine)
    begin()
    fails_in_time(machine, check, "a listed image fails", f"ls /mnt/autosquash/{spare}")
    fails_in_time(machine, check, "an unknown name fails", f"ls /mnt/autosquash/nope-{spare}")
    result = machine.run("ls /mnt/autosquash", user="student", timeout=60)
    check.within("ls of all images ends", result.seconds, ANSWER_SECONDS, result)
    if lab.way.reading_fails:
        # Both ends are read when an image is opened. Of what reading ahead could not get, the kernel
        # asks for the first page again.
        fails_in_time(machine, check, "reading on in an image in use fails",
                      "dd if=/mnt/autosquash/big/data of=/dev/null bs=1M skip=20 count=1",
                      most=2 * ANSWER_SECONDS)
    result = machine.run("autosquash doctor", timeout=120)
    check.holds("doctor says that something is wrong", result.status == 1, result)
    check.within("doctor ends", result.seconds, 90, result)
    # The user waits for something that cannot come.
    machine.begin("reader", "cat /mnt/autosquash/big/data >/dev/null", "student")
    shut_down(machine, check, "shutdown with images in use and the bucket away")

    end()
    lab.upload(f"new-{spare}")
    if has_network:
        begin()
    check.took("boot without the bucket", machine.boot(network=has_network, timeout=400))
    machine.run("sleep 30")
    lines = machine.check("journalctl -q --since=-1min -u 'autosquash*' -u autofs.service"
                          f"{''.join(f' -u {unit}' for unit in lab.way.units)} | wc -l")
    check.holds(f"the log has no more than {MOST_LINES} lines of it a minute",
                int(lines) <= MOST_LINES, lines)
    end()
    is_served(lab, check, "are back by themselves, new ones too")
    failed = machine.check(f"systemctl --failed --no-legend --plain | {OURS}")
    check.holds("no unit of ours stays failed", not failed, failed)


def going_away(lab, check):
    """An upgrade disturbs nobody; removing and purging leave what they say, and nothing else."""
    machine = lab.ready()
    make_busy(machine)
    check.succeeds("upgrade with images in use",
                   machine.run(f"apt-get install -q {PAYLOAD}/newer.deb", timeout=300))
    check.succeeds("who uses an image goes on", machine.run("systemctl is-active busy-course"))
    check.holds("images and links are there after it", not lab.missing(), lab.missing())
    if lab.way.has_overlay:
        unlink_overlay(machine, check)
    check.succeeds("setup --remove with images in use", machine.run("autosquash setup --remove"))
    end_busy(machine)
    failed = machine.check(f"systemctl --failed --no-legend --plain | {OURS}")
    check.holds("no unit of ours failed", not failed, failed)
    result = machine.run("apt-get purge -q autosquash", timeout=300)
    check.succeeds("purge", result)
    left = machine.check("find / -xdev -name '*autosquash*' -not -path '/root/*'"
                         " -not -path '/var/log/*' -not -path '/var/cache/apt/*'"
                         " -not -path '/mnt/*' | sort")
    untold = [path for path in left.split() if path not in result.output]
    check.holds("purge leaves nothing that it does not name", not untold, "\n".join(untold))
    dangling = machine.check("find /etc/systemd -xtype l -lname '*autosquash*'")
    check.holds("no unit dangles", not dangling, dangling)
    shut_down(machine, check, "shutdown after that")


def golden_image(lab, check):
    """A tree prepared with `setup --root` becomes a machine that serves without another step."""
    if lab.machine.is_on:
        lab.machine.shut_down()
    lab.bucket.start()
    place = lab.place
    tree = place.work / "golden"
    place.base.unpack(tree)

    def run(*command):
        return image.run_apart(*command, capture_output=True, text=True)

    def inside(*command):
        return run("chroot", tree, "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                   "DEBIAN_FRONTEND=noninteractive", *command)

    def succeeds(what, result):
        check.holds(what, result.returncode == 0,
                    f"status {result.returncode}: {result.stdout}{result.stderr}")

    program = contents.PROGRAM
    result = run(program, "setup", "--root", tree, "--dry-run", *lab.way.setup)
    check.holds("setup --root names autofs, which is not there", "autofs" in result.stderr,
                f"status {result.returncode}: {result.stderr}")
    result = run(program, "doctor", "--root", tree)
    check.holds("doctor --root does too", result.returncode == 1 and "autofs" in result.stdout,
                f"status {result.returncode}: {result.stdout}{result.stderr}")
    subprocess.run(["cp", place.package, tree / "root/autosquash.deb"], check=True)
    succeeds("apt-get install in a chroot", inside("apt-get", "install", "-q", "/root/autosquash.deb"))
    (tree / "root/autosquash.deb").unlink()
    succeeds("setup in a chroot without /proc", inside("autosquash", "setup", "--dry-run"))
    lab.way.write_into(tree)
    succeeds("setup --root", run(program, "setup", "--root", tree, *lab.way.setup))
    unit = (tree / "etc/systemd/system/autosquash-refresh.service").read_text()
    check.holds("its units run the program of the tree", "=/usr/bin/autosquash " in unit, unit)
    succeeds("doctor --root", run(program, "doctor", "--root", tree))
    if lab.way.has_overlay:
        succeeds("enabling the overlay",
                 run("systemctl", f"--root={tree}", "enable", "autosquash-overlay.service"))

    disk = place.work / "golden.ext4"
    image.write_disk(tree, disk)
    subprocess.run(["rm", "-rf", "--one-file-system", tree], check=True)
    machine = place.machine_with(disk)
    try:
        check.took("boot", machine.boot())
        is_served(lab, check, "after that", machine)
        failed = machine.check(f"systemctl --failed --no-legend --plain | {OURS}")
        check.holds("no unit of ours failed", not failed, failed)
        follow_doctor(machine, check)
        shut_down(machine, check, "shutdown")
    finally:
        machine.switch_off()
        disk.unlink()


# In the order in which they are run.
ALL = {
    ways.Direct: [first_mount, matrix, reboot, server_killed, automounter, s3_hangs, network_down,
                  s3_refuses, going_away, golden_image],
    ways.S3fs: [first_mount, matrix, clock, reboot, switched_off, mount_unit, s3fs_killed,
                automounter, s3_hangs, network_down, s3_refuses, going_away, golden_image],
}
