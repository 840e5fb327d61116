"""The results folder: logs as they come, one line a step, and what earlier calls left. A full disk is told, and ends nothing."""
import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

LOG = 4 << 20  # bytes of a step's log


@dataclass
class Record:
    """A step that ended, as a line of steps.jsonl."""

    name: str
    command: str
    seconds: float
    outcome: str  # held, failed, crashed, hung, stopped, not here, not run
    detail: str = ""
    code: int | None = None
    signal: str | None = None
    limit: float = 0.0
    data: dict = field(default_factory=dict)

    @property
    def ran(self) -> bool:
        return self.outcome not in ("not run", "not here")


class Results:
    def __init__(self, folder: Path):
        self.folder = folder
        self.troubles: list[str] = []  # with writing
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        self.records: dict[str, Record] = {}
        steps = folder / "steps.jsonl"
        for line in steps.read_text().splitlines() if steps.exists() else []:
            try:
                record = Record(**json.loads(line))
            except (ValueError, TypeError):
                self.trouble(f"{steps} has a torn line, which is passed over")
                continue
            self.records[record.name] = record  # the last of a name counts

    def trouble(self, text: str) -> None:
        if text not in self.troubles:
            self.troubles.append(text)
            print(f"gpu-suite: {text}", file=sys.stderr, flush=True)

    def write(self, name: str, text: str, mode: str = "w") -> None:
        try:
            with open(self.folder / name, mode) as file:
                file.write(text)
        except OSError as error:
            self.trouble(f"{name} is not written: {error.strerror}; the suite goes on, and this page says what it found")

    def add(self, record: Record) -> None:
        self.records[record.name] = record
        self.write("steps.jsonl", json.dumps(asdict(record)) + "\n", "a")

    def log(self, name: str) -> "Log":
        return Log(self, f"logs/{name}.txt")


class Log:
    """What a step's commands say, up to a limit."""

    def __init__(self, results: Results, name: str):
        self.results, self.name, self.bytes = results, name, 0
        try:
            self.file = open(results.folder / name, "wb", buffering=0)
        except OSError as error:
            self.file = None
            results.trouble(f"{name} is not written: {error.strerror}")

    def __call__(self, data: bytes) -> None:
        if self.file is None:
            return
        try:
            if self.bytes < LOG:
                self.file.write(data)
            elif self.bytes - len(data) < LOG:
                self.file.write(f"\n(cut at {LOG >> 20} MiB)\n".encode())
            self.bytes += len(data)
        except OSError as error:
            self.results.trouble(f"{self.name} is cut: {error.strerror}")
            self.close()

    def say(self, text: str) -> None:
        self((text + "\n").encode())

    def close(self) -> None:
        if self.file:
            self.file.close()
            self.file = None
