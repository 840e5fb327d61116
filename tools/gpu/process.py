"""One command under a limit: whatever it does, it ends, with all of its children."""
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

GRACE = 3.0  # seconds from SIGTERM to SIGKILL
STUCK = 5.0  # seconds after SIGKILL when a process that the kernel does not let go is left behind
POLL = 0.1  # seconds at most until a stop that was asked for is seen
KEPT = 32 << 20  # bytes of a stream that are kept for reading


@dataclass
class Command:
    argv: list[str]
    limit: float  # seconds
    silence: float | None = None  # seconds without any output after which it hangs
    env: dict[str, str] = field(default_factory=dict)  # beside what there is
    save: Path | None = None  # where its stdout goes, too
    first: signal.Signals | None = None  # asked with before SIGTERM, of a program that then saves what it has
    about: str = ""  # what it is, where its arguments do not say so

    def title(self) -> str:
        return self.about or " ".join(map(str, self.argv))


@dataclass
class Ended:
    """How a command ended."""

    command: Command
    seconds: float = 0.0
    code: int | None = None  # of a program that ended by itself
    signal: str | None = None  # of one that died of it
    hung: str | None = None  # why it was killed
    missing: str | None = None  # why it could not be started
    skipped: str | None = None  # why it was not started
    stopped: bool = False  # the suite itself was told to stop
    out: str = ""
    err: str = ""

    @property
    def ok(self) -> bool:
        return self.code == 0

    @property
    def outcome(self) -> str:
        if self.ok:
            return "held"
        if self.stopped:
            return "stopped"
        if self.skipped:
            return "not run"
        if self.missing:
            return "not here"
        return "hung" if self.hung else "crashed" if self.signal else "failed"

    def why(self) -> str:
        """In a few words, with what the program said last."""
        ended = self.skipped or self.missing or self.hung
        if not ended:
            ended = f"died of {self.signal}" if self.signal else f"exit code {self.code}"
        said = last_words(self.err) or last_words(self.out)
        return f"{ended}: {said}" if said and not (self.skipped or self.missing) else ended


def last_words(text: str) -> str:
    """The last line that says what went wrong, or else the last line."""
    # A line of JSON is a result, and is read as one.
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("{")]
    # Ours say `error: what`, libtest and Python say so in the middle; hints follow.
    told = [line for line in lines if line.startswith("error") or "panicked at" in line or "Error:" in line]
    lines = told or lines
    return lines[-1][:400] if lines else ""


def members(session: int) -> list[int]:
    """All processes of a session: a child that made a process group of its own is one, too."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path("/proc", entry, "stat").read_text()
            except OSError:
                continue  # it has ended meanwhile
            state, _, _, sid = stat.rpartition(")")[2].split()[:4]
            if int(sid) == session and state != "Z":
                found.append(int(entry))
    return found


def send(session: int, which: signal.Signals) -> None:
    for pid in members(session):
        try:
            os.kill(pid, which)
        except ProcessLookupError:
            pass


def end(process: subprocess.Popen, first: signal.Signals | None, drain: Callable[[float], None]) -> bool:
    """Ends a process with its children; False if the kernel does not let it go."""
    for which, patience in [*([(first, GRACE)] if first else []), (signal.SIGTERM, GRACE), (signal.SIGKILL, STUCK)]:
        send(process.pid, which)
        until = time.monotonic() + patience
        while time.monotonic() < until:
            drain(POLL)
            if process.poll() is not None and not members(process.pid):
                return True
    return False


def run(command: Command, log: Callable[[bytes], None], stopping: Callable[[], bool], cwd: Path) -> Ended:
    """Runs it; what it writes goes to `log` as it comes."""
    start = time.monotonic()
    try:
        process = subprocess.Popen(
            list(map(str, command.argv)),
            env={**os.environ, **command.env},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        return Ended(command, missing=f"{command.argv[0]} does not start: {error.strerror}")
    streams = {process.stdout: bytearray(), process.stderr: bytearray()}
    selector = selectors.DefaultSelector()
    for stream in streams:
        os.set_blocking(stream.fileno(), False)
        selector.register(stream, selectors.EVENT_READ)
    heard = time.monotonic()

    def drain(patience: float) -> None:
        nonlocal heard
        if not selector.get_map():
            return time.sleep(patience)
        for key, _ in selector.select(patience):
            data = key.fileobj.read(1 << 16)
            if not data:
                selector.unregister(key.fileobj)
                continue
            heard = time.monotonic()
            log(data)
            kept = streams[key.fileobj]
            kept += data[: KEPT - len(kept)]

    ended = Ended(command)
    while process.poll() is None:
        drain(POLL)
        now = time.monotonic()
        if stopping():
            ended.stopped = True
        elif now - start > command.limit:
            ended.hung = f"killed after {command.limit:.0f} s"
        elif command.silence and now - heard > command.silence:
            ended.hung = f"killed after {command.silence:.0f} s without a word"
        if (ended.stopped or ended.hung) and process.poll() is None:
            if not end(process, command.first, drain):
                ended.hung = f"{ended.hung or 'stopped'}, and the system does not let it go"
            break
    # What it left behind would disturb the next.
    send(process.pid, signal.SIGKILL)
    for _ in range(100):
        if not selector.get_map():
            break
        before = heard
        drain(0.05)
        if heard == before:
            break
    for stream in streams:
        stream.close()
    code = process.poll()
    if code is not None and not (ended.hung or ended.stopped):
        ended.code, ended.signal = (code, None) if code >= 0 else (None, signal.Signals(-code).name)
    ended.seconds = time.monotonic() - start
    ended.out, ended.err = (bytes(kept).decode(errors="replace") for kept in streams.values())
    if command.save and ended.ok:
        try:
            command.save.parent.mkdir(parents=True, exist_ok=True)
            command.save.write_text(ended.out)
        except OSError as error:
            log(f"\n{command.save} is not written: {error.strerror}\n".encode())
    return ended
