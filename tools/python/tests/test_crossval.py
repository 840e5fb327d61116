"""`crossval` and the program give the same numbers, bit for bit."""

import copy
import csv
import gc
import json
import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL

import fused_rnn as fr

ENGINE = Path(sys.executable).with_name("engine")


def program(folder, arrays, *options, small=SMALL):
    """A run of the program on the same arrays, under the settings of `SMALL` or other ones."""
    np.savez(folder / "arrays.npz", **arrays)
    small = [text for name, value in small.items() for text in (f"--{name}", str(value))]
    command = [ENGINE, "crossval", "--data", "arrays.npz", "--name", "run", "--quiet", *small, *options]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "runs" / "run"


def columns(table):
    """A DataFrame or a dict of arrays, as a dict of lists."""
    return {name: list(table[name]) for name in table}


@pytest.mark.parametrize("split_by", ["subject", "trial"])
def test_predictions_are_the_program_s(tmp_path, arrays, split_by):
    run = fr.crossval(**arrays, split_by=split_by, cell="bigru", **SMALL)
    theirs = program(tmp_path, arrays, "--split", split_by, "--cell", "bigru")
    with open(theirs / "predictions.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    own = columns(run.predictions)
    for name in rows[0]:
        expected = [row[name] for row in rows]
        found = own[name]
        if name.startswith("p "):
            assert [float(p) for p in expected] == found
        else:
            assert expected == [str(value) for value in found]
    scores = json.loads((theirs / "scores.json").read_text())
    assert run.summary["trial"] == scores["trial"] and run.summary["verdict"] == scores["verdict"]
    assert fr.load_run(theirs).probabilities.tobytes() == run.probabilities.tobytes()


def test_choices_inside_the_folds_are_the_program_s(tmp_path, arrays):
    own = dict(split_by="subject", validation=0, patience=0)
    small = {name: value for name, value in SMALL.items() if name != "hidden"}
    tune = {"lr": np.array([1e-3, 1e-2]), "hidden": (4, [3, 5])}
    run = fr.crossval(**arrays, **own, tune=tune, inner_folds=2, **small)
    options = ["--split", "subject", "--validation", "0", "--patience", "0", "--inner-folds", "2"]
    theirs = program(tmp_path, arrays, *options, "--tune", "lr=0.001;0.01", "--tune", "hidden=4;3,5", small=small)
    scores = json.loads((theirs / "scores.json").read_text())
    choices = lambda tuning: [(fold["chosen"], fold["inner"]) for fold in tuning["folds"]]
    assert choices(run.tuning) == choices(scores["tuning"])
    assert len(run.tuning["candidates"]) == 4 and run.tuning["inner_folds"] == 2
    assert fr.load_run(theirs).probabilities.tobytes() == run.probabilities.tobytes()
    assert fr.crossval(**arrays, **own, **SMALL).tuning is None


@pytest.mark.parametrize(
    ("tune", "message"),
    [
        (["lr=1e-3,1e-2"], "expected a dict"),
        ({}, "expected a dict"),
        ({"lr": 1e-3}, "two or more values"),
        ({"lr": np.float64(1e-3)}, "two or more values"),
        # A set has no order.
        ({"lr": {1e-3, 1e-2}}, "two or more values"),
        ({"units": b"48"}, "two or more values"),
        ({"hidden": [4, 8]}, "would have no effect beside `tune`"),
        ({"lr": [1e-3]}, "two or more values"),
        ({"lr": [1e-3, 1e-3]}, "is there twice"),
        ({"seed": [1, 2]}, "luck"),
        ({"hiden": [4, 8]}, "hiden"),
        ({"lr": [None, 1e-3]}, "expected a number"),
    ],
)
def test_a_choice_that_cannot_be_made_is_refused(arrays, tune, message):
    with pytest.raises(ValueError, match=message):
        fr.crossval(**arrays, split_by="subject", validation=0, patience=0, tune=tune, **SMALL)


def test_inner_folds_without_a_choice_are_refused(arrays):
    with pytest.raises(ValueError, match="no effect without `tune`"):
        fr.crossval(**arrays, split_by="subject", validation=0, patience=0, inner_folds=3, **SMALL)


def test_precision_bf16_is_the_program_s(tmp_path, arrays):
    bf16 = dict(precision="bf16", isa="portable")
    run = fr.crossval(**arrays, split_by="subject", **bf16, **SMALL)
    theirs = program(tmp_path, arrays, "--split", "subject", "--precision", "bf16", "--isa", "portable")
    assert fr.load_run(theirs).probabilities.tobytes() == run.probabilities.tobytes()
    assert fr.crossval(**arrays, split_by="subject", isa="portable", **SMALL).probabilities.tobytes() != (
        run.probabilities.tobytes()
    )


def test_rows_are_those_of_x_in_any_order(arrays):
    order = np.random.default_rng(0).permutation(len(arrays["y"]))
    mixed = {key: values[order] for key, values in arrays.items()}
    table = fr.crossval(**mixed, split_by="subject", **SMALL).predictions
    rows = np.asarray(table["row"])
    assert sorted(rows) == list(range(96))
    assert list(table["subject"]) == list(mixed["groups"][rows])
    assert list(table["trial"]) == list(mixed["trials"][rows])
    assert list(table["label"]) == list(mixed["y"][rows])


def test_types_of_arrays_do_not_change_a_bit(arrays):
    first = fr.crossval(**arrays, split_by="subject", **SMALL)
    double = {**arrays, "X": np.asfortranarray(arrays["X"].astype(np.float64)), "trials": arrays["trials"] * 1.0}
    second = fr.crossval(**double, split_by="subject", threads=1, folds_at_once=2, **SMALL)
    assert first.probabilities.tobytes() == second.probabilities.tobytes()
    # Every other element of a larger array, backwards.
    wide = np.zeros((96, 40, 6), np.float32)[:, ::-2, ::2]
    wide[:] = arrays["X"]
    third = fr.crossval(**{**arrays, "X": wide}, split_by="subject", **SMALL)
    assert first.probabilities.tobytes() == third.probabilities.tobytes()


def test_series_of_unequal_length(arrays):
    X = [x[: 20 - i % 5] for i, x in enumerate(arrays["X"])]
    padded = np.full_like(arrays["X"], np.nan)
    for row, x in zip(padded, X):
        row[: len(x)] = x
    one = fr.crossval(**{**arrays, "X": X}, split_by="subject", **SMALL)
    other = fr.crossval(**{**arrays, "X": padded}, split_by="subject", **SMALL)
    assert one.probabilities.tobytes() == other.probabilities.tobytes()


def test_scores_are_tables(arrays):
    pandas = pytest.importorskip("pandas")
    run = fr.crossval(**arrays, split_by="subject", **SMALL)
    assert isinstance(run.scores, pandas.DataFrame) and list(run.scores.index) == [f"p{i}" for i in range(6)]
    right = run.predictions.groupby("fold").apply(lambda p: (p.label == p.predicted).mean())
    windows = run.scores_by("fold", "window")["accuracy"]
    assert np.allclose(right.loc[windows.index], windows)
    assert run.accuracy == run.summary["trial"]["overall"]["accuracy"]
    assert run.classes == ["fast", "slow"]
    assert repr(run).startswith(f"<Run {run.path.name}: accuracy of trials {run.accuracy:.3f}>\n")
    with pytest.raises(fr.ConfigError, match="expected fold or subject"):
        run.scores_by("channel")


def test_the_report_shows_itself_and_the_run_stays_where_it_is_asked_to(tmp_path, arrays):
    run = fr.crossval(**arrays, split_by="subject", run=tmp_path / "mine", **SMALL)
    assert run.path == tmp_path / "mine"
    page = run.report()
    assert page._repr_html_().startswith("<iframe srcdoc=") and "<script" not in page.html
    assert page.save(tmp_path / "page.html").read_text() == (run.path / "report.html").read_text() == page.html
    again = fr.load_run(tmp_path / "mine")
    assert again.probabilities.tobytes() == run.probabilities.tobytes()


def test_a_temporary_run_goes_with_its_result(arrays):
    run = fr.crossval(**arrays, split_by="subject", **SMALL)
    path = run.path
    assert path.is_dir()
    del run
    assert not path.exists()


def test_the_permutation_test_is_the_program_s(tmp_path, arrays):
    run = fr.crossval(**arrays, split_by="subject", permutations=5, **SMALL)
    theirs = program(tmp_path, arrays, "--split", "subject", "--permutations", "5")
    assert run.permutation == json.loads((theirs / "scores.json").read_text())["permutation"]


def test_folds_of_one_s_own_are_audited(arrays):
    from sklearn.model_selection import GroupKFold, KFold

    run = fr.crossval(**arrays, split=GroupKFold(3), split_by="subject", **SMALL)
    assert len(run.scores) == 3
    parts = [(np.arange(32, 96), np.arange(16, 32), np.arange(16))]
    assert len(fr.crossval(**arrays, split=parts, split_by="subject", **SMALL).predictions) == 16
    with pytest.raises(fr.DataError, match="in both the training and the test part|is in both the"):
        fr.crossval(**arrays, split=KFold(5, shuffle=True, random_state=0), **SMALL)
    with pytest.raises(fr.DataError, match="has row 96, expected 0 to 95"):
        fr.crossval(**arrays, split=[(np.arange(50), [96])], **SMALL)


def test_a_leaky_split_warns(arrays):
    with pytest.warns(fr.LeakWarning, match="LEAKS") as caught:
        fr.crossval(**arrays, split_by="window", **SMALL)
    # It names the caller's line.
    assert caught[0].filename == __file__


def test_progress_reaches_the_end(arrays):
    seen = []
    fr.crossval(**arrays, split_by="subject", progress=lambda *step: seen.append(step), patience=0, **SMALL)
    done, total, what, note = seen[-1]
    assert done == total and "training" in what and "epoch 4" in note
    assert [step[0] for step in seen] == sorted(step[0] for step in seen)


def test_an_exception_in_progress_stops_the_training(arrays):
    def fail(*_):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        fr.crossval(**arrays, split_by="subject", progress=fail, **{**SMALL, "epochs": 10_000, "patience": 0})


@pytest.mark.parametrize(
    ("settings", "kind", "message", "hint"),
    [
        ({"cell": "lsm"}, fr.ConfigError, "cell", 'did you mean "lstm"?'),
        ({"hiden": 8}, fr.ConfigError, "unknown setting 'hiden'", "did you mean 'hidden'?"),
        ({"epochs": -1}, fr.ConfigError, "epochs", None),
        ({"epochs": 0}, fr.ConfigError, "the number of epochs must be above 0", None),
        ({"split_by": "all"}, fr.ConfigError, "needs a test part", "RecurrentClassifier"),
        ({"learning_rate": 1e30, "clip": float("inf")}, fr.NumericalError, "epoch", "learning_rate"),
    ],
)
def test_wrong_settings_are_refused_with_a_way_out(arrays, settings, kind, message, hint):
    with pytest.raises(kind) as caught:
        fr.crossval(**arrays, **{"split_by": "subject", **SMALL, **settings})
    assert message in caught.value.message
    assert hint is None or hint in caught.value.hint and caught.value.hint in str(caught.value)
    assert caught.value.kind == kind.__name__.removesuffix("Error").lower()
    assert not issubclass(kind, fr.ConfigError) or isinstance(caught.value, ValueError)


def test_wrong_arrays_are_refused_with_a_way_out(arrays):
    X, y = arrays["X"], arrays["y"]

    def refused(message, **changed):
        with pytest.raises(fr.DataError, match=message):
            fr.crossval(**{**arrays, **changed}, **SMALL)

    refused(r"X has the shape \(96,\)", X=X[:, 0, 0])
    refused(r"y has the shape \(95,\), expected \(96,\)", y=y[:95])
    refused("expected real numbers", X=X.astype(complex))
    refused("NaN or infinite|not finite|NaN", X=np.where(np.arange(20)[None, :, None] == 3, np.nan, X))
    refused("trial 0 of subject p0 has two labels", trials=arrays["trials"] // 2)
    refused("different shapes", X=[X[0], X[1][:, :2]])
    names = np.array(arrays["groups"], dtype=object)
    names[5] = None
    refused(r"groups\[5\] is missing \(None\)", groups=names)
    pandas = pytest.importorskip("pandas")
    with pytest.raises(fr.DataError) as caught:
        fr.crossval(pandas.DataFrame(X[:, 0]), y)
    assert "reshape(n, T, D)" in caught.value.hint


def test_missing_devices_are_errors(arrays):
    with pytest.raises(fr.BackendError, match="adapter|device|GPU"):
        fr.crossval(**arrays, device="wgpu", adapter="none of this name", split_by="subject", **SMALL)


def test_a_run_predicts_new_windows(arrays):
    run = fr.crossval(**arrays, split_by="subject", **SMALL)
    probabilities = run.predict_proba(arrays["X"][:5])
    assert probabilities.shape == (5, 2) and np.allclose(probabilities.sum(1), 1)
    assert list(run.predict(arrays["X"][:5])) == [run.classes[k] for k in probabilities.argmax(1)]
    with pytest.raises(fr.DataError, match="X has 2 channels, and the network was trained on 3"):
        run.predict_proba(arrays["X"][:5, :, :2])


def test_compare(tmp_path, arrays):
    runs = [fr.crossval(**arrays, split_by="subject", cell=cell, **SMALL) for cell in ("lstm", "gru")]
    comparison = fr.compare(*runs)
    assert len(comparison.pairs) == 1 and "R1" in str(comparison)
    assert comparison.report().html.startswith("<!DOCTYPE html>")
    with pytest.raises(fr.ConfigError, match="at least two runs"):
        fr.compare(runs[0])


def test_the_console_script_is_the_program(tmp_path):
    version = subprocess.run([ENGINE, "--version"], capture_output=True, text=True, check=True).stdout
    assert version.strip() == f"engine {fr.__version__}"
    wrong = subprocess.run([ENGINE, "crossval", "--cell", "lsm"], capture_output=True, text=True, cwd=tmp_path)
    assert wrong.returncode == 2 and "lstm" in wrong.stderr
    missing = subprocess.run([ENGINE, "runs", "none"], capture_output=True, text=True, cwd=tmp_path)
    assert missing.returncode == 7


def test_import_is_light():
    code = "import sys, fused_rnn; print(*sorted(set(sys.modules) & {'sklearn', 'pandas', 'scipy', 'tqdm'}))"
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert out.stdout.strip() == ""


def test_values_come_back_as_they_were_given(arrays):
    people = np.arange(96) // 16 + 10
    cases = {
        "integers": (np.where(arrays["y"] == "fast", 10, 9), people),
        "objects": (np.array([10 if one == "fast" else 9 for one in arrays["y"]], object), people.astype(object)),
        "truth": (arrays["y"] == "fast", people),
        "names": (arrays["y"], arrays["groups"]),
        "halves": (np.array([1.5 if one == "fast" else 2.5 for one in arrays["y"]], object), people),
    }
    for y, groups in cases.values():
        run = fr.crossval(arrays["X"], y, groups=groups, trials=arrays["trials"], split_by="subject", **SMALL)
        table = run.predictions
        rows = np.asarray(table["row"])
        assert list(table["label"]) == list(y[rows]) and list(table["subject"]) == list(groups[rows])
        assert run.classes == sorted(set(y)) and set(run.predict(arrays["X"])) <= set(y)
        right = np.asarray(table["predicted"]) == np.asarray(table["label"])
        assert abs(right.mean() - run.summary["window"]["overall"]["accuracy"]) < 1e-12
    mixed = np.array([1 if one == "fast" else "1" for one in arrays["y"]], object)
    with pytest.raises(fr.DataError, match="which have one name"):
        fr.crossval(arrays["X"], mixed, groups=people, trials=arrays["trials"], split_by="subject", **SMALL)
    names = [f"T{trial}" for trial in arrays["trials"]]
    named = fr.crossval(**{**arrays, "trials": names}, split_by="subject", **SMALL)
    plain = fr.crossval(**arrays, split_by="subject", **SMALL)
    assert named.probabilities.tobytes() == plain.probabilities.tobytes()
    assert set(named.predictions["trial"]) == set(names)


def test_a_folder_that_is_there_is_not_another_name(arrays, tmp_path):
    fr.crossval(**arrays, split_by="subject", run=tmp_path / "mine", **SMALL)
    with pytest.raises(fr.FileError, match="is there already"):
        fr.crossval(**arrays, split_by="subject", run=tmp_path / "mine", **SMALL)
    emoji = fr.crossval(**arrays, split_by="subject", run=tmp_path / "\U0001f600" / "mine", **SMALL)
    assert fr.load_run(emoji.path).accuracy == emoji.accuracy


def test_a_temporary_run_stays_with_its_process(arrays):
    run = fr.crossval(**arrays, split_by="subject", **SMALL)
    with pytest.raises(fr.ConfigError) as caught:
        pickle.dumps(run)
    assert 'run="' in caught.value.hint
    del caught
    assert copy.copy(run).accuracy == run.accuracy
    child = os.fork()
    if child == 0:
        del run
        os._exit(0)
    os.waitpid(child, 0)
    path = run.path
    assert path.exists()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del run
        gc.collect()
    assert not path.exists()


def test_what_would_have_no_effect_is_refused(arrays):
    for settings, message in [
        ({"split": "subject"}, "expected a splitter"),
        ({"split": 5}, "expected a splitter"),
        ({"split": [(range(48), range(48, 96))], "folds": 3}, "no effect"),
        ({"lr": 1e-3, "learning_rate": 1e-1}, "are one setting"),
        ({"device": "cpu", "backend": "cpu"}, "are one setting"),
        ({"rate": "fast"}, "expected a number of Hz"),
        ({"parts": np.zeros(96, int)}, 'expected "train" or "test"'),
        ({"y": None}, "y is None"),
        ({"y": np.arange(96, dtype=np.uint64) % 2 + 2**63}, "below 2\\*\\*63"),
    ]:
        with pytest.raises(fr.Error, match=message):
            fr.crossval(**{**arrays, **settings}, **SMALL)
    with pytest.raises(fr.ConfigError) as caught:
        fr.read("demo", lr=1e-3)
    assert "lr" not in caught.value.hint.split(", ")


def test_scores_that_are_none_are_no_numbers(arrays):
    pandas = pytest.importorskip("pandas")
    y = np.where(np.arange(96) // 16 % 2 == 0, "fast", "slow")
    scores = fr.crossval(**{**arrays, "y": y}, split_by="subject", **SMALL).scores_by("subject")
    assert scores["auc"].isna().all() and pandas.api.types.is_float_dtype(scores["auc"])
    # Of one class, a constant answer would be perfect.
    assert scores["balanced_accuracy"].isna().all()
