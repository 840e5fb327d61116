"""Machine code of every kernel in a folder of cubins, and what ptxas said of each, as one compressed text.

    machine_code.py FOLDER OUT.txt.xz [DISASSEMBLER...]       without one: what ptxas said
"""
import lzma
import subprocess
import sys
from pathlib import Path


def main() -> None:
    folder, out, disassembler = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    cubins = sorted(folder.rglob("*.cubin"))
    if not cubins:
        sys.exit(f"error: no .cubin in {folder}: expected one per kernel, of `engine kernels --save`")
    failed = []
    with lzma.open(out, "wt", preset=4) as text:
        for cubin in cubins:
            text.write(f"==== {cubin.stem}\n")
            log = cubin.with_suffix(".log")
            text.write(log.read_text(errors="replace") if log.exists() else "(no log of ptxas)\n")
            if not disassembler:
                continue
            done = subprocess.run([*disassembler, cubin], capture_output=True, text=True, errors="replace")
            text.write(done.stdout)
            if done.returncode:
                failed.append(f"{cubin.name}: {done.stderr.strip()[:200]}")
    print(f"{len(cubins)} kernels, {out.stat().st_size} bytes")
    if failed:
        sys.exit(f"error: {len(failed)} of {len(cubins)} are not disassembled; first: {failed[0]}")


if __name__ == "__main__":
    main()
