"""The contract of scikit-learn."""

import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import DEVICES
from sklearn.base import clone
from sklearn.ensemble import BaggingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, LeaveOneGroupOut, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import check_is_fitted

import fused_rnn as fr
from fused_rnn import RecurrentClassifier, _engine, _settings

SMALL = {"hidden": 8, "epochs": 10, "learning_rate": 1e-2}

# The one exception of the contract, with its reason.
EXPECTED = {
    "check_classifier_data_not_an_array": "it hands over a table, and tables are refused: their rows say nothing about "
    "time steps",
}
CLASSIFIER = RecurrentClassifier(learning_rate=1e-2, batch=16)


@parametrize_with_checks([CLASSIFIER], expected_failed_checks=lambda _: EXPECTED, xfail_strict=True)
def test_the_contract(estimator, check):
    check(estimator)


def test_defaults_are_the_program_s():
    defaults = {}
    for section in json.loads(_engine.defaults()).values():
        defaults.update(section)
    own = RecurrentClassifier().get_params()
    differ = {"validation", "device", "conv", "hidden", "threads", "progress", "patience", "random_state"}
    for name, value in own.items():
        if name not in differ:
            assert defaults[name] == value, name
    assert defaults["hidden"] == [own["hidden"]] and defaults["conv"] == [] and defaults["backend"] == own["device"]
    # Every key of every section is one of the program.
    keys = {key for section in json.loads(_engine.defaults()).values() for key in section}
    optional = {key for sections in (_settings.SECTIONS, _settings.READING) for keys in sections.values() for key in keys}
    assert keys - optional <= {"path", "runs", "scale"}


def test_it_learns_and_is_deterministic(arrays):
    X, y, groups = arrays["X"], arrays["y"], arrays["groups"]
    scores = cross_val_score(RecurrentClassifier(**SMALL), X, y, groups=groups, cv=LeaveOneGroupOut())
    assert scores.mean() > 0.8
    one, two = (RecurrentClassifier(**SMALL).fit(X, y) for _ in range(2))
    assert one.checkpoint_ == two.checkpoint_
    assert RecurrentClassifier(**SMALL, threads=1).fit(X, y).checkpoint_ == one.checkpoint_
    assert [epoch["epoch"] for epoch in one.history_] == list(range(1, 11))
    assert one.history_[-1]["train_loss"] < one.history_[0]["train_loss"]


def test_pickle_and_clone(arrays):
    X, y = arrays["X"], arrays["y"]
    clf = RecurrentClassifier(**SMALL).fit(X, y)
    again = pickle.loads(pickle.dumps(clf))
    assert np.array_equal(again.predict_proba(X), clf.predict_proba(X))
    assert clone(clf).get_params() == clf.get_params() and not hasattr(clone(clf), "classes_")


def test_two_processes_give_the_same_and_return_estimators(arrays):
    X, y, groups = arrays["X"], arrays["y"], arrays["groups"]
    options = {"groups": groups, "cv": LeaveOneGroupOut(), "return_estimator": True}
    found = [cross_validate(RecurrentClassifier(**SMALL), X, y, n_jobs=jobs, **options) for jobs in (1, 2)]
    assert np.array_equal(found[0]["test_score"], found[1]["test_score"])
    pairs = zip(found[0]["estimator"], found[1]["estimator"])
    assert all(a.checkpoint_ == b.checkpoint_ for a, b in pairs)


def test_grid_search_in_a_pipeline(arrays):
    pipe = make_pipeline(FunctionTransformer(np.abs), RecurrentClassifier(**SMALL))
    grid = {"recurrentclassifier__cell": ["lstm", "gru"], "recurrentclassifier__hidden": [4, [6, 4]]}
    search = GridSearchCV(pipe, grid, cv=LeaveOneGroupOut(), n_jobs=2, error_score="raise")
    search.fit(arrays["X"], arrays["y"], groups=arrays["groups"])
    assert len(search.cv_results_["params"]) == 4 and search.best_estimator_.predict(arrays["X"]).shape == (96,)


def test_unequal_lengths(arrays):
    X = [x[: 20 - i % 5] for i, x in enumerate(arrays["X"])]
    clf = RecurrentClassifier(**SMALL).fit(X, arrays["y"])
    assert clf.n_features_in_ == 3
    # Alone or among others, a series has the same answer.
    assert np.array_equal(clf.predict_proba(X)[:1], clf.predict_proba(X[:1]))
    with pytest.raises(ValueError, match="X has 2 features, but RecurrentClassifier is expecting 3"):
        clf.predict(arrays["X"][:, :, :2])


def test_early_stopping_needs_groups(arrays):
    X, y, groups = arrays["X"], arrays["y"], arrays["groups"]
    clf = RecurrentClassifier(**{**SMALL, "epochs": 200}, validation=0.3, patience=2)
    with pytest.raises(fr.ConfigError) as caught:
        clf.fit(X, y)
    assert "groups" in caught.value.hint
    clf.fit(X, y, groups=groups)
    assert len(clf.history_) < 200 and clf.history_[-1]["validation_loss"] is not None


def test_refusals_have_a_way_out(arrays):
    X, y = arrays["X"], arrays["y"]
    with pytest.raises(fr.ConfigError) as caught:
        RecurrentClassifier().fit(X, y, sample_weight=np.ones(len(y)))
    assert 'class_weights="balanced"' in caught.value.hint
    pandas = pytest.importorskip("pandas")
    with pytest.raises(fr.DataError) as caught:
        RecurrentClassifier().fit(pandas.DataFrame(X[:, :, 0]), y)
    assert "X.to_numpy().reshape(n, T, D)" in caught.value.hint


def test_the_network_is_the_one_that_the_program_trains(tmp_path, arrays):
    """`engine train --all` on the same arrays."""
    np.savez(tmp_path / "arrays.npz", **arrays)
    engine = Path(sys.executable).with_name("engine")
    options = ["--hidden", "8", "--epochs", "5", "--validation", "0", "--name", "final", "--quiet"]
    command = [engine, "train", "--all", "--data", "arrays.npz", *options]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    (file,) = (tmp_path / "runs/final/checkpoints/best").iterdir()
    theirs = dict(_engine.tensors(file.read_bytes()))
    clf = RecurrentClassifier(hidden=8, epochs=5)
    own = clf.fit(arrays["X"], arrays["y"], groups=arrays["groups"], trials=arrays["trials"]).weights()
    assert own.keys() == theirs.keys() and all(np.array_equal(own[name], theirs[name]) for name in own)


@pytest.mark.parametrize("device", DEVICES)
def test_devices(arrays, device):
    X, y = arrays["X"], arrays["y"]
    expected = RecurrentClassifier(**SMALL).fit(X, y).predict_proba(X)
    clf = RecurrentClassifier(**SMALL, device=device).fit(X, y)
    assert np.abs(clf.predict_proba(X) - expected).max() < 1e-2


def test_a_fit_that_fails_leaves_nothing_behind(arrays):
    X, y = arrays["X"], arrays["y"]
    clf = RecurrentClassifier(**SMALL).fit(X, y)
    bad = X.copy()
    bad[0, 0, 0] = np.nan
    for _ in range(2):
        with pytest.raises(fr.DataError):
            clf.fit(bad, np.where(y == "fast", "other", "third"))
        with pytest.raises(NotFittedError):
            clf.predict(X)
    with pytest.raises(NotFittedError):
        clf.weights()
    for wrong in ({"y": None}, {"y": np.zeros(96)}, {"y": y, "sample_weight": np.ones(96)}):
        clf.fit(X, y)
        with pytest.raises(fr.Error):
            clf.fit(X, **wrong)
        with pytest.raises(NotFittedError):
            check_is_fitted(clf)
    assert set(clf.fit(X, y).predict(X)) == {"fast", "slow"}


def test_windows_of_one_channel(arrays):
    X, y = arrays["X"][:, :, :1], arrays["y"]
    flat = RecurrentClassifier(**SMALL).fit(X[:, :, 0], y)
    assert flat.n_features_in_ == 20 and np.array_equal(flat.predict_proba(X), flat.predict_proba(X[:, :, 0]))
    deep = RecurrentClassifier(**SMALL).fit(X, y)
    assert deep.n_features_in_ == 1 and deep.checkpoint_ == flat.checkpoint_
    # One window (T, D) is no 20 windows of a step.
    with pytest.raises(fr.DataError) as caught:
        deep.predict(X[0])
    assert "X[np.newaxis]" in caught.value.hint
    column = np.empty(96, object)
    column[:] = [x[: 20 - i % 3] for i, x in enumerate(X)]
    assert np.array_equal(deep.predict_proba(column), deep.predict_proba(list(column)))


def test_random_state(arrays):
    X, y = arrays["X"], arrays["y"]
    fit = lambda state: RecurrentClassifier(**SMALL, random_state=state).fit(X, y).checkpoint_  # noqa: E731
    assert fit(None) == fit(1) != fit(2)
    for kind in (np.random.RandomState, np.random.default_rng):
        assert fit(kind(0)) == fit(kind(0)) != fit(kind(1))
    bag = BaggingClassifier(RecurrentClassifier(**SMALL), n_estimators=2, bootstrap=False, random_state=0)
    assert len({one.checkpoint_ for one in bag.fit(X[:, :, 0], y).estimators_}) == 2


def test_what_float32_cannot_hold_is_refused(arrays):
    X, y = arrays["X"].astype(np.float64), arrays["y"]
    whole = (X * 3).astype(np.int32)
    for bad in (X + 1e9, X * 1e-45, whole.astype(np.int64) + 10**12, whole + 10**9, X[:, :, 0] + 1e9):
        with pytest.raises(fr.DataError, match="float32 cannot tell"):
            RecurrentClassifier(**SMALL).fit(bad, y)
    RecurrentClassifier(**SMALL).fit(X + 1e4, y)
    # An onset that is nearly the same in all windows is none of their spread.
    onset = np.random.default_rng(0).normal(size=(4096, 16, 1))
    onset[:, 0] = 1000 + onset[:, 0] / 1000
    RecurrentClassifier(hidden=2, epochs=1).fit(onset, np.arange(4096) % 2)
    with pytest.raises(fr.DataError, match="masked"):
        RecurrentClassifier(**SMALL).fit(np.ma.masked_greater(X, 1.0), y)


def test_a_wrong_word_has_the_right_one_beside_it(arrays):
    with pytest.raises(fr.ConfigError) as caught:
        RecurrentClassifier().fit(arrays["X"], arrays["y"], group=arrays["groups"])
    assert caught.value.hint == "did you mean 'groups'?"


def test_groups_are_routed(arrays):
    import sklearn

    with sklearn.config_context(enable_metadata_routing=True):
        clf = RecurrentClassifier(**{**SMALL, "epochs": 3}, validation=0.3).set_fit_request(groups=True)
        found = cross_validate(
            clf, arrays["X"], arrays["y"], params={"groups": arrays["groups"]}, cv=fr.LeaveOneSubjectOut(), error_score="raise"
        )
    assert len(found["test_score"]) == 6
