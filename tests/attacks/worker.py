"""Runs cases one after another in a process of their own, whose end is a finding like others."""

import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from tests.attacks.targets import Target, find_target

MAX_SECONDS = 5  # of a case, on a processor of its own
_MAX_WAIT = 60  # seconds, whatever the others on the machine do
MAX_MEMORY = 2**30  # bytes above what the process has before its first case
_ADDRESS_SPACE = 4 * 2**30  # above it: keeps what goes wrong from taking the machine
_START_SECONDS = 300

RIGHT = "right answer"
FAILURE = "failure"

# What a loader has no reason for.
_FORBIDDEN = ("os.system", "os.exec", "os.fork", "os.posix_spawn", "subprocess.Popen")
_FORBIDDEN += ("pickle.find_class", "marshal.loads", "ctypes.dlopen", "socket.", "exec")
_WRITES = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.symlink", "os.link", "os.chmod"}


class Result(NamedTuple):
    """What became of a case."""

    index: int
    is_past_header: bool
    outcome: str  # RIGHT, FAILURE, or the class of a documented exception
    text: str  # of the exception, or of what is wrong


def run_cases(name: str, seed: int, indices: range, data: str | None) -> Iterator[Result]:
    """Run cases; one that ends or stops the process is a failure, and the next ones go on."""
    while indices:
        connection, process = _start(name, seed, indices, data)
        try:
            while indices:
                if not _comes(connection, process.pid):
                    yield Result(indices[0], True, FAILURE, f"no end after {MAX_SECONDS} s")
                    indices = indices[1:]
                    break
                result = connection.recv()
                if isinstance(result, str):
                    raise RuntimeError(f"the fuzzer itself failed in case {indices[0]}: {result}")
                yield result
                indices = indices[1:]
        except EOFError:
            process.join()
            if process.exitcode != 0:  # it ends by itself where it has become too large
                what = f"the process ended with exit code {process.exitcode}"
                yield Result(indices[0], True, FAILURE, what)
                indices = indices[1:]
        finally:
            process.kill()
            process.join()
            connection.close()
            shutil.rmtree(_cage_of(process.pid), ignore_errors=True)


def _comes(connection, pid):
    """Wait for a result; tell whether one comes in time."""
    before, start = _seconds_of(pid), time.monotonic()
    while not connection.poll(0.2):
        if _seconds_of(pid) - before > MAX_SECONDS or time.monotonic() - start > _MAX_WAIT:
            return False
    return True


def _seconds_of(pid):
    """Read how long a process has computed."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:  # it has ended, which the connection tells
        return 0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _start(name, seed, indices, data):
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, name, seed, indices, data), daemon=True)
    process.start()
    theirs.close()
    if not ours.poll(_START_SECONDS) or ours.recv() != "ready":
        raise RuntimeError(f"the worker for {name} does not start")
    return ours, process


def _cage_of(pid):
    memory = Path("/dev/shm")  # spares the disk, where there is one
    return (memory if memory.is_dir() else Path(tempfile.gettempdir())) / f"ferkit-fuzz-{pid}"


def _work(connection, name, seed, indices, data):
    tqdm.set_lock(threading.RLock())  # its own is shared by processes, and outlives a killed one
    cage = _cage_of(os.getpid())
    folder = cage / "case"
    folder.mkdir(parents=True)
    target = find_target(name)(folder, data)
    target.warm_up()
    target.prepare()
    guard = _Guard(folder)
    baseline = _peak_memory()
    _limit_address_space()
    connection.send("ready")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # C libraries tell of each bad file there
    for index in indices:
        try:
            result = run_case(target, seed, index, guard)
        except BaseException:
            connection.send(traceback.format_exc())
            return
        if os.listdir(cage) != ["case"]:
            result = result._replace(outcome=FAILURE, text=f"wrote {sorted(os.listdir(cage))}")
        grown = _peak_memory() - baseline
        if grown > MAX_MEMORY:
            text = f"took {grown / 2**20:.0f} MiB: {result.outcome} {result.text}"
            result = result._replace(outcome=FAILURE, text=text)
        connection.send(result)
        if grown > MAX_MEMORY:  # the peak never falls, so a new process is due
            os._exit(0)


def run_case(target: Target, seed: int, index: int, guard) -> Result:
    """Make a case, call the loader, and judge what comes."""
    for entry in target.folder.iterdir():
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    # a string, so that the same case comes whatever was run before
    case = target.make(random.Random(f"{target.name} {seed} {index}"))
    is_past_header = target.is_past_header(case)

    def result(outcome, text):
        return Result(index, is_past_header, outcome, text)

    try:
        with warnings.catch_warnings(record=True) as caught, guard:
            warnings.simplefilter("always")
            answer = target.call(case)
    except BaseException as error:
        fault = _fault_of(error, target, case) or _fault_of_warnings(caught, target)
        what = f"{type(error).__name__}: {error}"
        if fault is None:
            return result(type(error).__name__, what)
        return result(FAILURE, f"{fault} - {what} - {case.story}")
    fault = _fault_of_warnings(caught, target)
    try:
        target.check(case, answer)
    except Exception as error:
        fault = f"not the right answer ({type(error).__name__}: {error})"
    return result(RIGHT, "") if fault is None else result(FAILURE, f"{fault} - {case.story}")


def _fault_of(error, target, case):
    """Tell what is wrong with an exception, if anything is."""
    if isinstance(error, _Escape):
        return "did what no loader may do"
    if type(error) not in target.documented:
        return "an exception that is not documented"
    text = str(error)
    if "expected" not in text or not any(name in text for name in case.names):
        return "an exception that does not name the file and what was expected"
    if not text.isprintable():
        return "an exception of characters that cannot be printed"
    if len(text) > 2000:
        return f"an exception of {len(text)} characters"
    while error is not None:
        if isinstance(error, MemoryError):
            return f"more than {_ADDRESS_SPACE / 2**30:.0f} GiB of memory were asked for"
        error = error.__cause__ or error.__context__
    try:
        target.check_refusal(case)
    except AssertionError as wrong:
        return f"a refusal of what is good ({wrong})"
    return None


def _fault_of_warnings(caught, target):
    for warning in caught:
        text = str(warning.message)
        is_own = warning.category is UserWarning and target.path_in(text)
        if not is_own or not ("left out" in text or "expected" in text):
            return f"a warning that is not documented ({warning.category.__name__}: {text[:300]})"
    return None


class _Escape(BaseException):
    """Not an Exception, which a loader could take for a damaged file."""


class _Guard:
    """While it is entered, Python code may neither write outside a folder nor run others' code."""

    def __init__(self, folder):
        self._folder, self._is_on, self.escape = str(folder), False, None
        sys.addaudithook(self._hear)  # for good

    def __enter__(self):
        self._is_on, self.escape = True, None

    def __exit__(self, *exc_info):
        self._is_on = False
        if self.escape is not None:
            raise _Escape(self.escape)

    def _hear(self, event, args):
        if not self._is_on:
            return
        is_bad = event.startswith(_FORBIDDEN)
        if event == "ctypes.dlopen":
            is_bad = args[0] is not None  # None is the process itself
        if event == "exec":  # an encoding is a module of Python's own
            is_bad = not args[0].co_filename.startswith(os.path.dirname(os.__file__))
        if (
            event == "open"
            and not isinstance(args[0], int)
            and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        ) or event in _WRITES:
            is_bad = not os.fsdecode(args[0]).startswith(self._folder)
        if is_bad:
            self.escape = f"{event} {args}"[:300]


def _peak_memory():
    import resource  # which Windows has not

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _limit_address_space():
    import resource

    with open("/proc/self/statm") as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + _ADDRESS_SPACE,) * 2)
