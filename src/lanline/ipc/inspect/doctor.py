"""The machine's limits on communication: what is fine, worth knowing, or in the way."""

from __future__ import annotations

import contextlib
import errno
import os
import platform
from collections.abc import Callable, Iterator

from lanline.errors import Error, UnsupportedError
from lanline.ipc.inspect import posix_queues
from lanline.ipc.inspect.finding import (
    Finding,
    Verdict,
    bytes_text,
    how_to_raise,
    limit_text,
    setting,
)
from lanline.ipc.inspect.processes import lines_of
from lanline.ipc.inspect.sysv_limits import sysv_limits
from lanline.ipc.native import load
from lanline.ipc.shared.named import runtime_folder
from lanline.ipc.system import instead
from lanline.words import counted

ENOUGH_DESCRIPTORS = 1024  # as most systems set it; a server with a channel a client needs more
ENOUGH_SPACE = 64 << 20  # bytes; a container's usual /dev/shm
FULL = 0.9
ENOUGH_WATCHERS = 128  # fs.inotify.max_user_instances, as Linux sets it
QUEUE_BYTES = 100_000  # of RLIMIT_MSGQUEUE, for one channel over mq:
CHANNEL_QUEUES = 3  # one to be called at, and one for each way
PIPE_BYTES = 65_536  # pipe(7): as Linux sets it
TOO_MANY_WATCH = "as root: sysctl fs.inotify.max_user_instances=1024"
SECCOMP = "in a container: allow it in the seccomp profile (docker run --security-opt seccomp=...)"
OTHER_FOLDER = "set XDG_RUNTIME_DIR to a folder of your own with mode 0700"
DOCKER = "in a container: docker run --shm-size 1g"


def examine() -> Iterator[Finding]:
    """Look at everything, one after the other; changes nothing."""
    yield _native()
    yield _system()
    if platform.system() == "Linux":
        yield _folder()
        yield from _space()
    yield from _descriptors()
    if platform.system() == "Linux" and not os.path.exists("/proc/self"):
        found = "not mounted, so that shm: and looking at the machine do not work"
        yield Finding("/proc", "problem", found, "as root: mount -t proc proc /proc")
    elif platform.system() == "Linux":
        yield from _calls()
        yield _watchers()
        yield _queues()
        yield _queue_memory()
        yield _queue_folder()
        yield from sysv_limits()
        yield _pipes()
        yield _processors()


def _native() -> Finding:
    what = "native core"
    try:
        for name in ("_block", "_link", "_queue"):
            load(name)
    except UnsupportedError as problem:
        found = f"{problem.what} is not available"
        verdict: Verdict = "problem" if platform.system() == "Linux" else "worth knowing"
        return Finding(what, verdict, found, problem.alternative.rstrip("."))
    return Finding(what, "fine", "built and loaded: shm:, queues, values and locks work")


def _system() -> Finding:
    what = "system"
    found = f"{platform.system()} {platform.release()}, {platform.machine()}"
    if platform.system() != "Linux":
        found += ", without shared memory and kernel queues, which need Linux"
        return Finding(what, "worth knowing", found, instead().rstrip("."))
    if not hasattr(os, "memfd_create") or not hasattr(os, "pidfd_open"):
        found += ", with a Python that was built for an older system: no pidfd, no memfd"
        return Finding(what, "problem", found, "for mq: and shm: take another build of Python")
    return Finding(what, "fine", found)


def _calls() -> Iterator[Finding]:
    """Each tried, for a container's rules may refuse what the kernel has (seccomp(2))."""
    tries: dict[str, tuple[str, Callable[[], int]]] = {
        "sealed memory": (
            "shm: channels",
            lambda: os.memfd_create("lanline", os.MFD_ALLOW_SEALING),
        ),
        "word of a death (pidfd)": ("mq: channels", lambda: os.pidfd_open(os.getpid())),
        "watching (inotify)": (
            "ipc.aio's queues, values and broadcasts",
            lambda: int(load("_block").watch_open()),
        ),
    }
    for what, (needed_by, call) in tries.items():
        try:
            os.close(call())
        except UnsupportedError:
            continue  # without the native core nothing needs it, and that is said already
        except Error as problem:
            yield Finding(what, "problem", str(problem).rstrip("."), TOO_MANY_WATCH)
        except OSError as problem:
            found = f"refused: {problem.strerror}; {needed_by} need it"
            advice = "ulimit -n 4096" if problem.errno == errno.EMFILE else SECCOMP
            yield Finding(what, "problem", found, advice)
        else:
            yield Finding(what, "fine", f"works, as {needed_by} need it")


def _folder() -> Finding:
    what = "runtime folder"
    try:
        folder = runtime_folder()
    except (Error, OSError) as problem:
        found, _, _ = str(problem).rstrip(".").partition("; ")  # what to do is said after it
        return Finding(what, "problem", found, OTHER_FOLDER)
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        return Finding(what, "problem", f"{folder} is mounted to be read only", OTHER_FOLDER)
    if not os.access(folder, os.W_OK | os.X_OK):
        return Finding(what, "problem", f"{folder} cannot be written", f"chmod 700 {folder}")
    if _file_system(str(folder)) not in ("tmpfs", "ramfs"):
        found = f"{folder} is not in memory: named queues and memories are written to a disk"
        own = f"/dev/shm/run-{os.getuid()}"  # noqa: S108 a word of advice
        advice = f"mkdir -m 700 {own}; export XDG_RUNTIME_DIR={own}; or mount a tmpfs on {folder}"
        return Finding(what, "worth knowing", found, advice)
    return Finding(what, "fine", f"{folder}, in memory and yours alone")


def _space() -> Iterator[Finding]:
    places = {"shared memory": "/dev/shm"}  # noqa: S108 looked at only
    with contextlib.suppress(Error, OSError):  # said already
        places["room for named things"] = str(runtime_folder())
    for what, place in places.items():
        try:
            status = os.statvfs(place)
        except OSError as problem:
            yield Finding(
                what,
                "problem",
                f"{place}: {problem.strerror}",
                f"as root: mount -t tmpfs tmpfs {place}",
            )
            continue
        size, free = status.f_blocks * status.f_frsize, status.f_bavail * status.f_frsize
        found = f"{bytes_text(free)} of {bytes_text(size)} free in {place}"
        if status.f_flag & os.ST_RDONLY and place == "/dev/shm":  # noqa: S108
            found = f"{place} is mounted to be read only: no POSIX segments or semaphores"
            yield Finding(what, "problem", found, f"as root: mount -o remount,rw {place}")
        elif size and free < size * (1 - FULL):
            see = "lanline ipc ls posix-memory posix-semaphore, then rm or gc --persistent"
            see = see if place == "/dev/shm" else "lanline ipc ls, then gc or rm"  # noqa: S108
            yield Finding(what, "problem", found, f"see what takes it: {see}")
        elif size <= ENOUGH_SPACE:
            remount = f"as root: mount -o remount,size=1g {place}"
            larger = f"{DOCKER}; else {remount}" if place == "/dev/shm" else remount  # noqa: S108
            yield Finding(what, "worth knowing", f"{found}: large blocks do not fit", larger)
        else:
            yield Finding(what, "fine", found)


def _descriptors() -> Iterator[Finding]:
    try:
        import resource
    except ImportError:
        return  # Windows has no such limit
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    found = f"{limit_text(soft)} for each process, {limit_text(hard)} when raised"
    more = how_to_raise("n", ENOUGH_DESCRIPTORS * 4, hard)
    if 0 <= soft < ENOUGH_DESCRIPTORS:
        yield Finding("descriptors", "problem", found, more)
    elif soft == ENOUGH_DESCRIPTORS:
        found += ": a channel takes 2 to 4"
        yield Finding("descriptors", "worth knowing", found, f"for hundreds of channels: {more}")
    else:
        yield Finding("descriptors", "fine", found)


def _watchers() -> Finding:
    what = "event loops at once"
    most = setting("fs/inotify/max_user_instances")
    if most is None:
        return Finding(what, "worth knowing", "this kernel has no inotify", "use ipc, not ipc.aio")
    found = f"{most} processes of a user may watch"
    if most < ENOUGH_WATCHERS:
        advice = f"as root: sysctl fs.inotify.max_user_instances={ENOUGH_WATCHERS * 8}"
        return Finding(what, "worth knowing", found, advice)
    return Finding(what, "fine", found)


def _queues() -> Finding:
    what = "kernel queues"
    limits = {
        name: setting(f"fs/mqueue/{name}") for name in ("msg_max", "msgsize_max", "queues_max")
    }
    if None in limits.values():
        return Finding(what, "worth knowing", "this kernel has none", "use queue: or unix:")
    there = posix_queues.how_many()
    most = limits["queues_max"] or 0
    found = f"{limits['msg_max']} messages of {limits['msgsize_max']:,} bytes in a queue, "
    found += f"{most:,} queues" if there is None else f"{there:,} of {most:,} queues"
    needed = {"msg_max": 10, "msgsize_max": 8192}
    if (there or 0) + CHANNEL_QUEUES > most:
        needed["queues_max"] = most * 4
    short = {name: least for name, least in needed.items() if (limits[name] or 0) < least}
    raised = f"as root: sysctl {' '.join(f'fs.mqueue.{name}={n}' for name, n in short.items())}"
    if list(short) == ["queues_max"]:
        found += ": no room for a channel over mq:"
        return Finding(what, "problem", found, f"lanline ipc ls mq, then rm or gc; or {raised}")
    if short:
        found += ": less than channels over mq: need"
        return Finding(what, "problem", found, raised)
    advice = (
        "for longer ones, as root: sysctl fs.mqueue.msg_max=1000; or queue:, without that limit"
    )
    return Finding(what, "worth knowing" if limits["msg_max"] == 10 else "fine", found, advice)


def _queue_memory() -> Finding:
    import resource

    what = "memory of kernel queues"
    soft, hard = resource.getrlimit(resource.RLIMIT_MSGQUEUE)
    if soft < 0:
        return Finding(what, "fine", "unlimited")
    taken = posix_queues.bytes_of(os.geteuid())
    found = f"about {taken:,} of {soft:,} bytes taken by your queues"
    if soft - taken < QUEUE_BYTES:
        more = how_to_raise("q", QUEUE_BYTES * 8 + taken, hard)
        found += ": no room for a channel over mq:"
        return Finding(what, "problem", found, f"lanline ipc ls mq, then gc or rm; or {more}")
    left = counted((soft - taken) // QUEUE_BYTES, "more channel")
    return Finding(what, "fine", f"{found}: room for {left} over mq:")


def _queue_folder() -> Finding:
    what = "list of kernel queues"
    if os.path.ismount(posix_queues.MOUNT):
        return Finding(what, "fine", f"mounted on {posix_queues.MOUNT}")
    advice = f"as root: mkdir -p {posix_queues.MOUNT} && mount -t mqueue none {posix_queues.MOUNT}"
    found = f"{posix_queues.MOUNT} is not mounted: queues work, but only root can list them"
    return Finding(what, "worth knowing", found, advice)


def _pipes() -> Finding:
    largest = setting("fs/pipe-max-size") or 0
    pages = setting("fs/pipe-user-pages-soft") or 0
    page = os.sysconf("SC_PAGE_SIZE")
    found = (
        f"{PIPE_BYTES:,} bytes each, {largest:,} when raised; "
        f"{bytes_text(pages * page)} for each user"
    )
    if 0 < pages * page < 16 * PIPE_BYTES:
        found += ": past that each pipe has one page and is slow"
        advice = "as root: sysctl fs.pipe-user-pages-soft=16384"
        return Finding("pipes", "worth knowing", found, advice)
    return Finding("pipes", "fine", found)


def _processors() -> Finding:
    count = len(os.sched_getaffinity(0))
    found = f"{count} for this process"
    if count == 1:
        found += ": two processes take turns, so a message costs a switch"
        advice = "where it was limited to one: taskset; in a container: docker run --cpus 2"
        return Finding("processors", "worth knowing", found, advice)
    return Finding("processors", "fine", found)


def _file_system(path: str) -> str:
    """The kind of file system of a path, by the longest mount that leads to it."""
    best = kind = ""
    for line in lines_of("/proc/self/mounts"):
        fields = line.split(" ")
        if len(fields) < 3 or len(fields[1]) < len(best):
            continue
        if f"{path}/".startswith(fields[1].rstrip("/") + "/"):
            best, kind = fields[1], fields[2]
    return kind
