"""Reads a finished run: its scores, its predictions, its weights. `python3 read_a_run.py runs/lstm-valence-trial`.

Nothing but Python is needed. With the package safetensors, `safetensors.numpy.load_file(path)` gives arrays."""

import csv
import json
import pathlib
import struct
import sys

run = pathlib.Path(sys.argv[1])
scores = json.loads((run / "scores.json").read_text())
print("accuracy of trials", scores["trial"]["overall"]["accuracy"], "AUC", scores["trial"]["auc"])

with open(run / "predictions.csv", newline="") as file:
    for row in list(csv.DictReader(file))[:3]:
        print("trial", row["trial"], "window", row["window"], "is", row["label"], "predicted", row["predicted"])

for path in sorted((run / "checkpoints" / "best").glob("fold-*.safetensors"))[:1]:
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    for name, tensor in sorted(header.items()):
        if name != "__metadata__":
            begin, end = tensor["data_offsets"]
            values = struct.unpack(f"<{(end - begin) // 4}f", data[8 + length + begin : 8 + length + end])
            print(name, tensor["shape"], f"mean {sum(values) / len(values):.4f}")
