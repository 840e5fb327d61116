"""Ctrl-C, other threads, and threads of one's own."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import fused_rnn as fr

LONG = {"hidden": 64, "epochs": 100_000, "patience": 0, "split_by": "subject"}


@pytest.mark.parametrize("what", ["crossval", "fit", "predict"])
def test_ctrl_c_stops_within_a_step(arrays, what):
    after = {}
    trained = fr.RecurrentClassifier(hidden=128, epochs=1).fit(arrays["X"], arrays["y"])
    many = np.random.default_rng(0).normal(size=(8000, 400, 3)).astype(np.float32)
    # A shell that starts these tests in the background leaves the signal ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupt():
        time.sleep(1.0)
        after["sent"] = time.monotonic()
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        if what == "crossval":
            fr.crossval(**arrays, **LONG)
        elif what == "predict":
            while True:
                trained.predict_proba(many)
        else:
            fr.RecurrentClassifier(epochs=100_000).fit(arrays["X"], arrays["y"])
    stopped = time.monotonic()
    thread.join()
    # A step of these takes some 10 ms; a loaded machine has pauses of its own.
    assert stopped - after["sent"] < 2.0
    assert fr.crossval(**arrays, **{**LONG, "epochs": 1}).accuracy is not None


def test_other_threads_go_on(arrays):
    ticks, stop = [], threading.Event()

    def tick():
        while not stop.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        begun = len(ticks)
        fr.crossval(**arrays, **{**LONG, "epochs": 20})
        during = len(ticks) - begun
    finally:
        stop.set()
        thread.join()
    assert during > 20


def test_two_trainings_in_two_threads_do_not_mix(arrays):
    settings = {**LONG, "hidden": 8, "epochs": 5}
    alone = fr.crossval(**arrays, **settings).probabilities
    found = [None, None]

    def train(i):
        found[i] = fr.crossval(**arrays, **settings).probabilities

    threads = [threading.Thread(target=train, args=(i,)) for i in range(2)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert all(np.array_equal(alone, one) for one in found)


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
def test_the_number_of_threads_is_bounded(tmp_path):
    """joblib bounds the threads of its processes by OMP_NUM_THREADS."""
    code = """
import os, numpy as np, fused_rnn as fr
X = np.random.default_rng(0).normal(size=(20, 10, 2)).astype("f4")
clf = fr.RecurrentClassifier(epochs=1, hidden=4)
before = len(os.listdir("/proc/self/task"))
clf.fit(X, np.arange(20) % 2)
print(len(os.listdir("/proc/self/task")) - before)
"""
    for bound in (1, 3):
        environment = {**os.environ, "OMP_NUM_THREADS": str(bound)}
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
        assert int(out.stdout) == bound


def test_a_forked_process_trains(arrays):
    clf = fr.RecurrentClassifier(epochs=1, hidden=4).fit(arrays["X"], arrays["y"])
    pid = os.fork()
    if pid == 0:
        same = np.array_equal(clf.predict_proba(arrays["X"]).shape, (96, 2))
        os._exit(0 if same else 1)
    assert os.waitpid(pid, 0)[1] == 0
