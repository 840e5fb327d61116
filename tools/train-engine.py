#!/usr/bin/env python3
"""Trains the small reference model with engine: our side of docs/real-data.md, options and output as
tools/train-torch.py's.

    tools/train-engine.py --data data/FingerMovements_TRAIN.ts --test data/FingerMovements_TEST.ts
    tools/train-engine.py --data data/watch.npz --split subject --seeds 1 --epochs 20

Needs only Python 3 and `cargo build --release`.
"""
import argparse
import json
import statistics
import subprocess
import tempfile
from pathlib import Path

ENGINE = Path(__file__).resolve().parent.parent / "target/release/engine"
# What train-torch.py does, where engine's defaults differ.
PLAIN = "--optimizer adam --lr 1e-3 --weight-decay 0 --clip inf --dropout 0 --pool last --validation 0 --frames raw"


def accuracies(cell, seed, options):
    """Test accuracy of windows, fold by fold."""
    command = [ENGINE, "crossval", "--json", "--quiet", *PLAIN.split(), "--cell", cell, "--seed", str(seed)]
    command += ["--data", options.data, "--hidden", str(options.hidden), "--batch", str(options.batch)]
    command += ["--epochs", str(options.epochs), "--threads", str(options.threads), "--precision", options.precision]
    command += ["--test", options.test] if options.test else ["--split", options.split, "--folds", str(options.folds)]
    with tempfile.TemporaryDirectory() as runs:
        output = subprocess.run([*command, "--runs", runs], check=True, stdout=subprocess.PIPE).stdout
    return [fold["accuracy"] for fold in json.loads(output)["window"]["by_fold"]["rows"]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="a .ts file, or an .npz with windows, labels and groups")
    parser.add_argument("--test", help="the .ts file of the test part")
    parser.add_argument("--split", choices=["window", "subject"], help="what the folds of an .npz are made of")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--cells", default="lstm,gru,bilstm")
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32", help="only ours")
    options = parser.parse_args()
    if bool(options.test) == bool(options.split):
        parser.error("give --test with a .ts file, or --split with an .npz")
    for cell in options.cells.split(","):
        found = [value for seed in range(options.seeds) for value in accuracies(cell, seed, options)]
        print(json.dumps({
            "engine": True, "precision": options.precision, "cell": cell,
            "data": options.data, "split": options.split, "epochs": options.epochs,
            "accuracy_mean": round(statistics.mean(found), 4),
            "accuracy_sd": round(statistics.stdev(found), 4) if len(found) > 1 else None,
            "accuracies": [round(value, 4) for value in found],
        }), flush=True)


if __name__ == "__main__":
    main()
