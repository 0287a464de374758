"""What keeps a learner's code, in a process of its own, from the instructor's machine.

| | Linux | macOS | Windows |
|---|---|---|---|
| ends after so much wall time, and when it has many child processes | yes | yes | yes |
| Python refuses to write, delete, fork, start programs, end processes or use the network | yes | yes | yes |
| limits of CPU time, of a file's size and of open files | yes | yes | no |
| limit of memory | yes | where it heeds RLIMIT_AS | no |
| limit of processes (RLIMIT_NPROC) | but for root | yes | no |
| no network, a disk that is read-only, no reach to other processes (namespaces) | where allowed | no | no |

The second row is Python's own audit hook. It stops accidents and pranks. Code that goes round it, by `ctypes` for
example, is stopped by the rows below, where they hold. Nothing here keeps code from *reading* the instructor's files;
without a network, it can send them nowhere but into its own row.
"""

import ctypes
import os
import signal
import sys
import time

import psutil

try:
    import resource
except ImportError:  # Windows
    resource = None

CPU_SECONDS = 60  # of one child: the checks of a lesson that is right take less than ten
MEMORY = 2 * 2**30  # bytes more than the course itself takes
FILE_SIZE, DISK, OPEN_FILES = 32 * 2**20, 128 * 2**20, 512
PROCESSES = 40  # below a child, before it counts as a fork bomb
REFUSED = ("os.fork", "os.forkpty", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "os.startfile", "os.kill",
           "os.killpg", "signal.pthread_kill", "subprocess.Popen", "socket.connect", "socket.bind", "socket.sendto",
           "socket.getaddrinfo", "pty.spawn", "os.chroot", "os.mknod", "winreg.")
OF_A_PATH = ("os.remove", "os.rmdir", "os.rename", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod",
             "os.chown", "os.utime", "os.setxattr", "os.removexattr", "shutil.rmtree", "shutil.move")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
NEW_USER, NEW_PROCESSES, NEW_NETWORK, NEW_MOUNTS, NEW_IPC = 0x10000000, 0x20000000, 0x40000000, 0x00020000, 0x08000000
PRIVATE, RECURSIVE, NO_SETUID, NO_DEVICES = 1 << 18, 1 << 14, 2, 4
MOUNT_SETATTR, HERE, ALL_BELOW, READ_ONLY = 442, -100, 0x8000, 1  # a system call without a name in the C library
DIE_WITH_PARENT, ADOPT_ORPHANS = 1, 36  # of prctl


def fence(folder):
    """Limit this process for good; only `folder` can be written. Return in words what holds.

    With namespaces, what goes on from here is a child: its parent waits for it, and ends as it does.
    """
    for name in ("HOME", "USERPROFILE", "COURSE_HOME", "IPYTHONDIR", "MPLCONFIGDIR", "TMPDIR", "TEMP", "TMP"):
        os.environ[name] = str(folder)
    import tempfile
    tempfile.tempdir = str(folder)
    sys.dont_write_bytecode = True
    holds = _own_namespaces(folder) if sys.platform == "linux" else []
    os.chdir(folder)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # megabytes of prints go nowhere, and nothing is asked of the instructor
        os.dup2(nowhere, stream)
    if resource:
        holds += _limits()
    sys.addaudithook(_refusal(os.path.realpath(folder)))
    return [*holds, "writing, deleting, starting programs and connecting refused by Python"]


def _limits():
    """Set the limits of POSIX that this system knows. Return in words what holds."""
    os.nice(5)  # whoever watches it comes first
    process, threads = psutil.Process(), 0
    for other in psutil.process_iter(["uids", "num_threads"]):
        if other.info["uids"] and other.info["uids"].real == os.getuid():
            threads += other.info["num_threads"] or 0  # the system counts all of the user's
    used = process.memory_info()
    wanted = {
        "RLIMIT_CPU": CPU_SECONDS, "RLIMIT_FSIZE": FILE_SIZE, "RLIMIT_NOFILE": OPEN_FILES, "RLIMIT_CORE": 0,
        # A thread's heap reserves more than it takes: where the system tells the two apart, the latter counts.
        **({"RLIMIT_DATA": used.data + MEMORY} if sys.platform == "linux" else {"RLIMIT_AS": used.vms + MEMORY}),
        "RLIMIT_NPROC": threads + PROCESSES + 8 * (os.cpu_count() or 1),
    }
    holds = []
    for name, value in wanted.items():
        try:
            limit = getattr(resource, name)
            hard = resource.getrlimit(limit)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(limit, (value, value))
            holds.append(name)
        except (AttributeError, OSError, ValueError):
            pass  # a system without it
    if os.getuid() == 0 and "RLIMIT_NPROC" in holds:
        holds.remove("RLIMIT_NPROC")  # it does not count root's
    return holds


def _own_namespaces(folder):
    """Leave the network, the writable disk and the other processes behind, as far as Linux lets this user."""
    uid, gid, libc = os.getuid(), os.getgid(), ctypes.CDLL(None, use_errno=True)
    if libc.unshare(NEW_USER | NEW_PROCESSES | NEW_NETWORK | NEW_MOUNTS | NEW_IPC):
        return []
    try:
        for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    except OSError:
        pass  # the limits below hold all the same
    holds, attributes = ["no network"], (ctypes.c_uint64 * 4)(READ_ONLY)
    if (libc.mount(None, b"/", None, RECURSIVE | PRIVATE, None) == 0
            and libc.syscall(MOUNT_SETATTR, HERE, b"/", ALL_BELOW, attributes, ctypes.sizeof(attributes)) == 0
            and libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", NO_SETUID | NO_DEVICES, b"size=%d" % DISK) == 0):
        holds.append("a read-only disk")
    child = os.fork()  # the first process of the new namespace: when it ends, all in it do
    if child:
        _end_as(os.waitpid(child, 0)[1])
    libc.prctl(DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
    return [*holds, "no reach to other processes"]


def _end_as(status):
    os._exit(128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))


def _refusal(folder):
    """Return an audit hook that refuses what reaches beyond the folder."""
    here = (folder + os.sep, os.devnull)

    def outside(path):
        if isinstance(path, int) or path is None:
            return False
        return not (os.path.realpath(os.fsdecode(path)) + os.sep).startswith(here)

    def hook(event, arguments):
        if event == "open":
            path, _, flags = arguments
            if flags is not None and flags & WRITING and outside(path):
                raise PermissionError(f"graded code may not write {path!r}")
        elif event.startswith(REFUSED):
            raise PermissionError(f"graded code may not call {event}")
        elif event in OF_A_PATH and any(outside(each) for each in arguments[:2]
                                        if isinstance(each, str | bytes | os.PathLike)):
            raise PermissionError(f"graded code may not call {event} on {arguments[0]!r}")

    return hook


def adopt_orphans():
    """Let this process find what its children leave behind, where Linux can do that."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(ADOPT_ORPHANS, 1, 0, 0, 0)


def patience():
    """Return how many times as long all takes while others keep the cores busy, up to four times."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0
    return min(max(load / (os.cpu_count() or 1), 1), 4)


def watch(process, has_ended, progress, seconds):
    """Wait for a process, and end it with all below it once it is out of bounds.

    Args:
        process: a `psutil.Process`.
        has_ended: `has_ended()` says whether it has.
        progress: `progress()` returns something that changes whenever it gets on.
        seconds: how long it may take from one such change to the next.

    Returns:
        In words why it was ended; None if it ended by itself.
    """
    seen, since, counted, reason = None, time.monotonic(), 0.0, None
    while not has_ended() and reason is None:
        time.sleep(0.01)
        now = time.monotonic()
        if (at := progress()) != seen:
            seen, since = at, now
        if now - since > seconds:
            reason = f"it did not come to an end and was stopped after {seconds:.0f} seconds"
        elif now - counted > 0.25:
            counted = now
            if len(_below(process)) > PROCESSES:
                reason = "it starts one process after the other and was stopped"
    end(process)
    return reason


def end(process):
    """End a process and all below it."""
    for _ in range(50):
        left = [each for each in [*_below(process), process] if _is_alive(each)]
        if not left:
            return
        for each in left:
            try:
                each.kill()
            except psutil.Error:
                pass  # it has ended meanwhile
        time.sleep(0.01)


def _below(process):
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def _is_alive(process):
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
