#!/usr/bin/env python3
"""Times the networks of a published DEAP study in Keras (TensorFlow), where they come from, and in PyTorch.

    tools/train-keras.py --network all --install                        # the first time: Keras into target/peers
    tools/train-keras.py --network study-gru --library torch --threads 1
    tools/train-keras.py --network all --epochs 0                       # parameters by layer, trains nothing
    tools/train-keras.py --golden FILE.json                             # how Keras initializes, trains nothing

"Emotion recognition using multimodal physiological signals": windows of 256 steps x 37 channels, four quadrants. Twice
Conv1D (kernel 3, no padding, ReLU), max-pooling by 2 and dropout, which leave 62 steps; recurrent layers, each followed by
dropout, the last gives its last state; Dense (ReLU), dropout, Dense 4 (softmax). Adam at 1e-3 with Keras' epsilon of 1e-7,
cross-entropy.

    network            filters    recurrent                              dense  dropout  batch  parameters
{networks}

Windows are standard normal noise, labels are drawn: time does not depend on them. An epoch is all of training: shuffling,
forward and backward pass with dropout, Adam. The first epoch warms up (Keras builds its graph) and does not count; the
median of the others does. Keras trains with `fit`, PyTorch eagerly with a loop like that of tools/train-torch.py: modules
as they come, tensors that stay on the device, no DataLoader. Weights start as each library's defaults have it. PyTorch's
recurrent layers have two biases per gate, of which Keras has one in LSTM: its networks count more parameters there.

On a CPU the process keeps to as many CPUs as it has threads. foreign_cores is what other processes used in the epoch that
was disturbed most, in cores; beyond the cores to spare, the figures are too slow, and PyTorch's with two threads by far.
With one thread cpu_seconds_per_epoch is then nearer to what a quiet machine takes.

One line of JSON per network on stdout: seconds_per_epoch and windows_per_second as measured, and
extrapolated_seconds_per_epoch_31744, which is measured on --windows and multiplied, since the study's training part has
31,744 windows.

Needs: Linux; tensorflow or torch, and numpy, in this Python or (--install) in a virtual environment of tools/bench-peers,
which has no GPU support: for --device cuda, run this with a Python whose library has it.
"""
import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

try:
    import numpy as np
except ImportError:  # the virtual environment that `use_library` goes to has it
    np = None

ROOT = Path(__file__).resolve().parent.parent
STEPS, CHANNELS, CLASSES, KERNEL, POOL = 256, 37, 4, 3, 2
RATE, EPSILON = 1e-3, 1e-7
STUDY = 31_744  # windows that the study trains on

# The parameters are Keras'.
Network = namedtuple("Network", "filters recurrent dense dropout batch parameters")
NETWORKS = {
    "study-lstm": Network((128, 128), (("lstm", 256), ("lstm", 128), ("lstm", 64), ("lstm", 32)), 128, 0.3, 32, 721_540),
    "study-gru": Network((128, 128), (("gru", 256), ("gru", 32)), 128, 0.2, 64, 392_644),
    "study-bilstm": Network((64, 128), (("bilstm", 128), ("bilstm", 64)), 64, 0.2, 64, 467_908),
    "study-bilstm-lstm": Network((128, 128), (("bilstm", 256), ("lstm", 32)), 128, 0.2, 64, 926_596),
}


class Clock:
    """Of each epoch: seconds, CPU seconds of this process, and the cores that others used, a hypervisor included."""

    def __init__(self):
        self.seconds, self.cpu, self.foreign = [], [], []

    def now(self):
        user, nice, system, _, _, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
        busy = (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
        return time.perf_counter(), time.process_time(), busy

    def start(self):
        self.started = self.now()

    def stop(self):
        seconds, cpu, busy = (after - before for after, before in zip(self.now(), self.started))
        self.seconds.append(seconds)
        self.cpu.append(cpu)
        self.foreign.append(max(0, (busy - cpu) / seconds))


class Keras:
    def __init__(self, network, options):
        os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
        if options.device == "cpu":
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
        import keras
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(options.threads)
        tf.config.threading.set_inter_op_parallelism_threads(options.threads)
        if options.device == "cuda" and not tf.config.list_physical_devices("GPU"):
            sys.exit("train-keras: TensorFlow finds no GPU")
        self.version = f"keras {keras.__version__}, tensorflow {tf.__version__}"
        self.keras, self.network = keras, network
        self.jit = {"auto": "auto", "on": True, "off": False}[options.jit]
        self.build(seed=0)

    def build(self, seed):
        keras, network = self.keras, self.network
        keras.backend.clear_session()
        keras.utils.set_random_seed(seed)
        layers = keras.layers
        self.model = keras.Sequential([keras.Input((STEPS, CHANNELS))])
        for index, filters in enumerate(network.filters, 1):
            self.model.add(layers.Conv1D(filters, KERNEL, activation="relu", name=f"conv{index}"))
            self.model.add(layers.MaxPooling1D(POOL))
            self.model.add(layers.Dropout(network.dropout))
        for index, (cell, units) in enumerate(network.recurrent, 1):
            self.model.add(self.recurrent(cell, units, index))
            self.model.add(layers.Dropout(network.dropout))
        self.model.add(layers.Dense(network.dense, activation="relu", name="dense"))
        self.model.add(layers.Dropout(network.dropout))
        self.model.add(layers.Dense(CLASSES, activation="softmax", name="head"))
        assert self.model.count_params() == network.parameters, self.model.count_params()

    def recurrent(self, cell, units, index):
        layers, name = self.keras.layers, f"rnn{index}"
        kind = layers.GRU if cell == "gru" else layers.LSTM
        sequences = index < len(self.network.recurrent)
        if cell == "bilstm":
            return layers.Bidirectional(kind(units, return_sequences=sequences, name="lstm"), name=name)
        return kind(units, return_sequences=sequences, name=name)

    def layers(self):
        return {layer.name: layer.count_params() for layer in self.model.layers if layer.weights}

    def train(self, x, y, batch, epochs, clock):
        optimizer = self.keras.optimizers.Adam(RATE, epsilon=EPSILON)
        self.model.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=self.jit)
        callback = self.keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda *_: clock.start(), on_epoch_end=lambda *_: clock.stop()
        )
        self.model.fit(x, y, batch_size=batch, epochs=epochs, verbose=0, callbacks=[callback])
        return {"jit": self.model.jit_compile}

    def initial(self, seeds):
        """Each weight as every seed draws it, by its layer and name."""
        drawn = {}
        for seed in range(seeds):
            self.build(seed)
            for layer in self.model.layers:
                for weight in layer.trainable_variables:
                    within = weight.path.partition(f"{layer.name}/")[2]
                    drawn.setdefault((layer.name, within), []).append(weight.numpy())
        return {name: np.stack(values) for name, values in drawn.items()}


class Torch:
    def __init__(self, network, options):
        import torch

        torch.set_num_threads(options.threads)
        if options.device == "cuda" and not torch.cuda.is_available():
            sys.exit("train-keras: PyTorch finds no GPU")
        torch.manual_seed(0)
        self.version = f"torch {torch.__version__}"
        self.torch, self.network, self.device = torch, network, options.device
        self.modules = torch.nn.ModuleDict(self.build()).to(options.device)

    def build(self):
        nn, network, inputs = self.torch.nn, self.network, CHANNELS
        for index, filters in enumerate(network.filters, 1):
            yield f"conv{index}", nn.Conv1d(inputs, filters, KERNEL)
            inputs = filters
        for index, (cell, units) in enumerate(network.recurrent, 1):
            kind = nn.GRU if cell == "gru" else nn.LSTM
            yield f"rnn{index}", kind(inputs, units, batch_first=True, bidirectional=cell == "bilstm")
            inputs = units * (2 if cell == "bilstm" else 1)
        yield "dense", nn.Linear(inputs, network.dense)
        yield "head", nn.Linear(network.dense, CLASSES)

    def logits(self, x):
        torch, functional = self.torch, self.torch.nn.functional
        dropout = lambda values: functional.dropout(values, self.network.dropout)
        x = x.transpose(1, 2)
        for index, _ in enumerate(self.network.filters, 1):
            x = dropout(functional.max_pool1d(functional.relu(self.modules[f"conv{index}"](x)), POOL))
        x = x.transpose(1, 2)
        for index, _ in enumerate(self.network.recurrent, 1):
            x, state = self.modules[f"rnn{index}"](x if index == 1 else dropout(x))
        h_n = state[0] if isinstance(state, tuple) else state
        x = dropout(torch.cat(list(h_n), dim=1))
        return self.modules["head"](dropout(functional.relu(self.modules["dense"](x))))

    def layers(self):
        return {name: sum(weight.numel() for weight in module.parameters()) for name, module in self.modules.items()}

    def train(self, x, y, batch, epochs, clock):
        torch = self.torch
        x, y = (torch.from_numpy(array).to(self.device) for array in (x, y))
        optimizer = torch.optim.Adam(self.modules.parameters(), lr=RATE, eps=EPSILON)
        for _ in range(epochs):
            clock.start()
            for rows in torch.randperm(len(x), device=self.device).split(batch):
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(self.logits(x[rows]), y[rows]).backward()
                optimizer.step()
            if self.device == "cuda":
                torch.cuda.synchronize()
            clock.stop()
        return {}


# The module that is imported, who installs it in tools/bench-peers, and the networks in it.
Library = namedtuple("Library", "module peer networks")
LIBRARIES = {"keras": Library("tensorflow", "tf", Keras), "torch": Library("torch", "torch", Torch)}


def use_library(options):
    """Starts again with the Python of target/peers, after an installation or if this Python lacks the library."""
    library = LIBRARIES[options.framework]
    home = ROOT / "target/peers" / library.peer
    if Path(sys.prefix).resolve() == home.resolve():
        return
    if options.install:
        subprocess.run([ROOT / "tools/bench-peers", "--install-only", "--peers", library.peer], check=True)
    elif np and importlib.util.find_spec(library.module):
        return
    python = home / "bin/python"
    if not python.exists():
        sys.exit(f"train-keras: this Python has no numpy with {library.module}; --install puts them under target/peers")
    os.execv(python, [python, *sys.argv])


def measured(name, options):
    """One line of the output."""
    network = NETWORKS[name]
    library = LIBRARIES[options.framework].networks(network, options)
    layers = library.layers()
    line = {
        "network": name,
        "library": options.framework,
        "version": library.version,
        "parameters": sum(layers.values()),
        "layers": layers,
    }
    if not options.epochs:
        return line
    random, batch, clock = np.random.default_rng(0), options.batch or network.batch, Clock()
    x = random.standard_normal((options.windows, STEPS, CHANNELS), dtype=np.float32)
    y = random.integers(CLASSES, size=options.windows)
    settings = library.train(x, y, batch, options.epochs + 1, clock)
    seconds = statistics.median(clock.seconds[1:])
    return line | {
        "device": options.device,
        "threads": options.threads,
        **settings,
        "windows": options.windows,
        "batch": batch,
        "epochs": options.epochs,
        "warm_up_seconds": round(clock.seconds[0], 3),
        "seconds_per_epoch": round(seconds, 3),
        "fastest_epoch_seconds": round(min(clock.seconds[1:]), 3),
        "cpu_seconds_per_epoch": round(statistics.median(clock.cpu[1:]), 3),
        "windows_per_second": round(options.windows / seconds, 1),
        f"extrapolated_seconds_per_epoch_{STUDY}": round(seconds * STUDY / options.windows, 1),
        "foreign_cores": round(max(clock.foreign[1:]), 2),
    }


def described(values, name):
    """What a weight's initializer drew, over all seeds; gate by gate where the last axis holds gates."""
    about = {"mean": values.mean(), "sd": values.std(), "min": values.min(), "max": values.max()}
    if cell := next((cell for cell in ("lstm", "gru") if f"{cell}_cell/" in name), None):
        gates = np.split(values, 4 if cell == "lstm" else 3, axis=-1)
        about |= {"gate_means": [gate.mean() for gate in gates], "gate_sds": [gate.std() for gate in gates]}
    if name.endswith("recurrent_kernel"):
        products = values @ values.transpose(0, 2, 1)
        about["rows_from_orthonormal"] = np.abs(products - np.eye(values.shape[1])).max()
    rounded = lambda value: [rounded(each) for each in value] if isinstance(value, list) else float(f"{value:.6g}")
    return {key: rounded(value) for key, value in about.items()}


def write_golden(options):
    """JSON with a line for each weight of each network."""
    rows = []
    for name in options.network:
        library = Keras(NETWORKS[name], options)
        for (layer, weight), values in library.initial(options.seeds).items():
            row = {"network": name, "layer": layer, "weight": weight, "shape": values.shape[1:]}
            rows.append(json.dumps(row | described(values.astype(np.float64), weight)))
    gates = {"lstm": "input, forget, cell, output", "gru": "update, reset, candidate"}
    head = {"made_by": "tools/train-keras.py --golden", "version": library.version, "seeds": options.seeds, "gates": gates}
    options.golden.write_text(json.dumps(head)[:-1] + ',\n"weights": [\n' + ",\n".join(rows) + "\n]}\n")


# ---- command line


def table():
    for name, network in NETWORKS.items():
        filters = ", ".join(map(str, network.filters))
        recurrent = ", ".join(f"{cell} {units}" for cell, units in network.recurrent)
        yield (
            f"    {name:<19}{filters:<11}{recurrent:<39}{network.dense:<7}{network.dropout:<9}"
            f"{network.batch:<7}{network.parameters}"
        )


def arguments():
    def at_least(least):
        def parse(text):
            if int(text) < least:
                raise argparse.ArgumentTypeError(f"{text}: at least {least}")
            return int(text)

        return parse

    cpus = len(os.sched_getaffinity(0))
    jit = "Keras: compile with XLA (default: auto, which Keras takes for off where there is no GPU)"
    parser = argparse.ArgumentParser(
        description=__doc__.replace("{networks}", "\n".join(table())), formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", choices=[*NETWORKS, "all"], default="all", help="which (default: all)")
    parser.add_argument("--library", dest="framework", choices=LIBRARIES, default="keras", help="whose layers (default: keras)")
    parser.add_argument("--windows", type=at_least(1), default=1024, help="training windows (default: 1024)")
    parser.add_argument("--epochs", type=at_least(0), default=2, help="timed ones, after one that warms up (default: 2; 0: none)")
    parser.add_argument("--batch", type=at_least(1), help="windows per step (default: the network's)")
    parser.add_argument("--threads", type=at_least(1), default=cpus, help=f"at most the CPUs, {cpus} here (default: all)")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--jit", choices=["auto", "on", "off"], default="auto", help=jit)
    parser.add_argument("--golden", type=Path, metavar="FILE", help="write statistics of Keras' initial weights, as JSON")
    parser.add_argument("--seeds", type=at_least(1), default=10, help="draws of each weight for --golden (default: 10)")
    parser.add_argument("--install", action="store_true", help="install the library under target/peers first, once")
    options = parser.parse_args()
    if options.threads > cpus:
        parser.error(f"--threads {options.threads}: there are {cpus} CPUs")
    if options.golden and options.framework != "keras":
        parser.error("--golden is about Keras")
    options.network = list(NETWORKS) if options.network == "all" else [options.network]
    return options


def main():
    options = arguments()
    use_library(options)
    if options.device == "cpu":  # before the library starts its threads
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-options.threads :])
    if options.golden:
        write_golden(options)
    else:
        for name in options.network:
            print(json.dumps(measured(name, options)), flush=True)


if __name__ == "__main__":
    main()
