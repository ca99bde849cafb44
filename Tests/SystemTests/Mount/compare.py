"""Compares two mounts of one image: all that system calls show of each entry.

compare.py walk A B          every entry
compare.py read A B SECONDS  bytes at random places, by 16 threads
"""

import errno
import hashlib
import os
import random
import stat
import sys
import threading


def xattrs(path):
    try:
        names = os.listxattr(path, follow_symlinks=False)
        return [(name, os.getxattr(path, name, follow_symlinks=False)) for name in sorted(names)]
    except OSError as error:
        return [] if error.errno == errno.EOPNOTSUPP else error.errno


def one_xattr(path, name):
    try:
        return os.getxattr(path, name, follow_symlinks=False)
    except OSError as error:
        # Without attributes in the image, the kernel says the one or the other, by the kind of inode.
        return None if error.errno in (errno.EOPNOTSUPP, errno.ENODATA) else error.errno


def holes_are_zero(path, content):
    """Whether what lseek calls holes is one. Older kernels know no holes in images, and Linux 6.18
    fails to find those in some files, so that its answers are no judge."""
    file = os.open(path, os.O_RDONLY)
    try:
        position = 0
        while position < len(content):
            try:
                start = os.lseek(file, position, os.SEEK_DATA)
            except OSError as error:
                if error.errno not in (errno.ENXIO, errno.EIO):
                    return False
                start = len(content) if error.errno == errno.ENXIO else position
            if any(content[position:start]):
                return False
            if start == len(content):
                return True
            try:
                position = os.lseek(file, start, os.SEEK_HOLE)
            except OSError as error:
                return error.errno == errno.EIO
        return True
    finally:
        os.close(file)


def facts(path):
    status = os.lstat(path)
    names = ["mode", "ino", "nlink", "uid", "gid", "size", "mtime_ns", "ctime_ns", "atime_ns",
             "blocks", "blksize", "rdev"]
    result = {name: getattr(status, "st_" + name) for name in names}
    result["xattrs"] = xattrs(path)
    for name in ["user.none", "system.posix_acl_access", "security.selinux", "other.name"]:
        result[name] = one_xattr(path, name)
    if stat.S_ISREG(status.st_mode):
        with open(path, "rb") as file:
            content = file.read()
        result["content"] = hashlib.sha256(content).hexdigest()
        result["holes are zero"] = holes_are_zero(path, content)
    elif stat.S_ISLNK(status.st_mode):
        result["target"] = os.readlink(path)
    elif stat.S_ISDIR(status.st_mode):
        with os.scandir(path) as entries:
            result["names"] = [
                (entry.name, entry.inode(), entry.is_dir(follow_symlinks=False),
                 entry.is_symlink()) for entry in entries]
    return result


def tree(root):
    found = {}
    rest = [b"."]
    while rest:
        path = rest.pop()
        found[path] = facts(os.path.join(os.fsencode(root), path))
        rest += [os.path.join(path, name[0]) for name in found[path].get("names", []) if name[2]]
        for name in found[path].get("names", []):
            if not name[2]:
                child = os.path.join(path, name[0])
                found[child] = facts(os.path.join(os.fsencode(root), child))
    return found


def walk(first, second):
    trees = tree(first), tree(second)
    differences = 0
    for path in sorted(set(trees[0]) | set(trees[1])):
        left, right = (one.get(path, {}) for one in trees)
        for fact in sorted(set(left) | set(right)):
            if left.get(fact) != right.get(fact):
                differences += 1
                if differences <= 20:
                    print(path, fact, str(left.get(fact))[:300], str(right.get(fact))[:300])
    for field in ["f_bsize", "f_frsize", "f_blocks", "f_bfree", "f_files", "f_ffree", "f_namemax"]:
        left, right = (getattr(os.statvfs(root), field) for root in (first, second))
        if left != right:
            differences += 1
            print(field, left, right)
    print(len(trees[0]), "entries")
    return differences == 0 and len(trees[0]) > 1


def read(first, second, rounds):
    """The second is read at random; the first says what is right."""
    files = []
    for folder, _, names in os.walk(os.fsencode(first)):
        for name in names:
            path = os.path.join(folder, name)
            if stat.S_ISREG(os.lstat(path).st_mode) and os.path.getsize(path) > 0:
                files.append(os.path.relpath(path, os.fsencode(first)))
    failures = []

    def run(seed):
        generator = random.Random(seed)
        for _ in range(rounds):
            name = generator.choice(files)
            paths = [os.path.join(os.fsencode(root), name) for root in (first, second)]
            size = os.path.getsize(paths[0])
            offset = generator.randrange(size)
            count = generator.choice([1, 100, 4096, 5000, 131072, 300000])
            found = []
            for path in paths:
                # Past the page cache of the second, which would answer for the server.
                file = os.open(path, os.O_RDONLY)
                if path is paths[1]:
                    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
                found.append(os.pread(file, count, offset))
                os.close(file)
            if found[0] != found[1]:
                failures.append((name, offset, count))

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for failure in failures[:20]:
        print(failure)
    return not failures and len(files) > 0


if sys.argv[1] == "walk":
    sys.exit(0 if walk(sys.argv[2], sys.argv[3]) else 1)
sys.exit(0 if read(sys.argv[2], sys.argv[3], int(sys.argv[4])) else 1)
