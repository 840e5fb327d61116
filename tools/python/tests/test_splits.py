"""Splitters and audits."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, cross_val_score

import fused_rnn as fr


def facts(study):
    return {key: study[key] for key in ("X", "y", "groups", "trials")}


def test_splitters_keep_their_groups_together(study):
    X, y, groups, trials, stimuli = (study[key] for key in ("X", "y", "groups", "trials", "stimuli"))
    key = np.array([f"{g} {t}" for g, t in zip(groups, trials)])
    for splitter, kept, folds in (
        (fr.LeaveOneSubjectOut(), groups, 6),
        (fr.LeaveOneSubjectOut(3), groups, 3),
        (fr.GroupedTrials(trials=trials), key, 5),
        (fr.StimulusSplit(4, stimuli=stimuli, trials=trials), stimuli, 4),
    ):
        parts = list(splitter.split(X, y, groups))
        assert len(parts) == folds == splitter.get_n_splits(X, y, groups), splitter
        tested = np.concatenate([test for _, test in parts])
        assert sorted(tested) == list(range(96))
        for train, test in parts:
            assert not set(kept[train]) & set(kept[test]) and len(train) + len(test) == 96
    grid = fr.SubjectStimulusSplit(2, stimuli=stimuli, trials=trials)
    assert len(list(grid.split(X, y, groups))) == grid.get_n_splits() == 4
    for train, test in fr.SubjectStimulusSplit(stimuli=stimuli, trials=trials).split(X, y, groups):
        assert not set(groups[train]) & set(groups[test]) and not set(stimuli[train]) & set(stimuli[test])


def test_the_folds_are_those_of_crossval(study):
    given = facts(study)
    run = fr.crossval(**given, split_by="trial", validation=0.0, hidden=2, epochs=1)
    tested = [test for _, test in fr.GroupedTrials(trials=given["trials"]).split(given["X"], given["y"], given["groups"])]
    rows, folds = np.asarray(run.predictions["row"]), np.asarray(run.predictions["fold"])
    for number, test in enumerate(tested, 1):
        assert sorted(rows[folds == str(number)]) == sorted(test)


def test_splitters_serve_any_estimator(study):
    X = study["X"].reshape(96, -1)
    scores = cross_val_score(LogisticRegression(), X, study["y"], groups=study["groups"], cv=fr.LeaveOneSubjectOut())
    assert len(scores) == 6
    with pytest.raises(fr.DataError, match="needs `trials`"):
        fr.GroupedTrials()


def test_an_honest_split_has_no_leak(study):
    audit = fr.audit(**facts(study), cv=GroupKFold(3))
    assert not audit.leaks and not audit.unknown and "no leak found in 3 folds" in str(audit)
    assert audit.scope == ["the test asks about new people"]
    audit.raise_for_leaks()
    by_trial = fr.audit(**facts(study), cv=fr.GroupedTrials(trials=study["trials"]), stimuli=study["stimuli"])
    assert not by_trial.leaks
    assert by_trial.scope[0].startswith("the person of 48 of 48 test trials is in training")
    assert by_trial.scope[1].startswith("the stimulus of 48 of 48 test trials")


def test_a_split_of_windows_leaks(study):
    audit = fr.audit(**facts(study), cv=KFold(5, shuffle=True, random_state=0))
    assert audit.leaks and "siblings" in audit.findings[0]
    with pytest.raises(fr.DataError, match="the split leaks"):
        audit.raise_for_leaks()
    assert len(audit.folds) == 5


def test_copies_are_found_by_content(study):
    given = facts(study)
    # The last person is the first once more, louder and under another name.
    given["X"] = given["X"].copy()
    given["X"][80:] = 3 * given["X"][:16]
    audit = fr.audit(**given, cv=GroupKFold(6))
    assert audit.leaks and any("under another name" in line for line in audit.findings)


def test_overlapping_windows_are_found_without_names():
    signal = np.random.default_rng(0).normal(size=(2000, 2)).astype("f4")
    X = np.stack([signal[start : start + 100] for start in range(0, 1900, 50)])
    audit = fr.audit(X, cv=KFold(5, shuffle=True, random_state=0))
    assert audit.leaks and any("share samples" in line for line in audit.findings), audit
    assert [line.split(":")[0] for line in audit.unknown] == ["people", "trials"]


def test_rows_in_both_parts_and_masks(study):
    given = facts(study)
    mask = np.arange(96) < 60
    audit = fr.audit(**given, cv=[(mask, np.arange(50, 96))])
    assert audit.findings[0] == "10 rows are in both the training and the test part of fold 1"
    with pytest.raises(fr.DataError, match="mask of shape"):
        fr.audit(**given, cv=[(mask[:50], np.arange(50, 96))])
    with pytest.raises(fr.DataError, match="`cv` is missing"):
        fr.audit(**given)


def test_validation_on_test_rows_leaks(study):
    rows = np.arange(96)
    people = study["groups"]
    seen, tested = rows[people < "p3"], rows[people >= "p3"]
    assert not fr.audit(**facts(study), cv=[(seen[:32], seen[32:], tested)]).leaks
    audit = fr.audit(**facts(study), cv=[(seen, tested, tested)])
    assert audit.findings[0] == "48 rows are in both the training and the test part of fold 1"
    # Half of each trial's windows.
    audit = fr.audit(**facts(study), cv=[(seen, tested[::2], tested[1::2])])
    assert "siblings" in audit.findings[0]


def test_names_are_those_of_the_program():
    from fused_rnn import _inputs

    assert _inputs.column("groups", np.array([b"a", b"b"]), 2) == ["a", "b"]
    for missing in (None, float("nan"), np.datetime64("NaT")):
        with pytest.raises(fr.DataError, match=r"groups\[1\] is missing"):
            _inputs.column("groups", np.array(["a", missing], dtype=object), 2)


def test_features_and_images_are_audited_too(study):
    images = np.random.default_rng(0).normal(size=(96, 4, 5, 3))
    for X in (images, images.reshape(96, -1)):
        assert not fr.audit(X, study["y"], study["groups"], study["trials"], GroupKFold(3)).leaks


def test_exact_copies_are_leaks_and_short_ones_are_named():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(96, 4, 8)).astype("f4"), np.arange(96) // 2 % 2
    groups, trials = np.arange(96) // 16, np.arange(96) // 2 % 8
    # One person a second time, and again with a sample that differs.
    for change in (0, 1):
        X[80:] = X[:16]
        X[80, 0, 0] += change
        assert fr.audit(X, y, groups, trials, GroupKFold(6)).leaks
        with pytest.raises(fr.DataError, match="one person must not count as two"):
            list(fr.LeaveOneSubjectOut().split(X, y, groups))
    # Rows that were drawn twice, of as few features as there may be.
    for features in (2, 3, 4, 5):
        Z = rng.normal(size=(300, features)).astype("f4")
        assert not fr.audit(Z, cv=KFold(5)).leaks
        audit = fr.audit(np.r_[Z, Z[:100]], cv=KFold(5, shuffle=True, random_state=0))
        copies = [line for line in audit.findings + audit.unknown if "number for number" in line]
        assert len(copies) == 1 and ("158 of 400" in copies[0] or audit.leaks), audit
        assert audit.leaks or features == 2
    # So are channels that stay.
    flat = rng.normal(size=(600, 50, 3)).astype("f4")
    flat[10] = flat[400] = [0.0, 3.3, 7.1]
    audit = fr.audit(flat, cv=KFold(5))
    assert not audit.leaks and "2 of 600 test windows equal" in str(audit)
    # Short words are equal by chance.
    bits = rng.integers(0, 2, size=(200, 6, 1)).astype("f4")
    audit = fr.audit(bits, y=None, cv=KFold(5))
    assert not audit.leaks and "as far as one can tell" in str(audit) and "number for number" in str(audit)


def test_splitters_take_what_scikit_learn_takes(study):
    pandas = pytest.importorskip("pandas")
    flat, y, groups = study["X"][:, :, 0], study["y"], study["groups"]
    expected = [test.tolist() for _, test in fr.LeaveOneSubjectOut().split(flat, y, groups)]
    holes = flat.copy()
    holes[3, 2] = np.nan
    for X, labels in [
        (pandas.DataFrame(flat), y),
        (holes, y),
        (flat, flat[:, 0] * 1.1),
        (study["X"][:, :, :, None], y),
        (list(study["X"]), y),
    ]:
        assert [test.tolist() for _, test in fr.LeaveOneSubjectOut().split(X, labels, groups)] == expected
    trials = fr.GroupedTrials(trials=study["trials"])
    assert len(list(trials.split(flat, flat[:, 0] * 1.1, groups))) == 5
    assert not fr.audit(pandas.DataFrame(flat), y, groups, study["trials"], GroupKFold(3)).leaks
    assert fr.LeaveOneSubjectOut().get_n_splits(groups=groups) == 6
    assert fr.GroupedTrials(trials=study["trials"]).get_n_splits() == 5
    search = GridSearchCV(LogisticRegression(), {"C": [1, 2]}, cv=fr.GroupedTrials(trials=study["trials"]))
    with pytest.raises(fr.DataError) as caught:
        cross_val_score(search, flat, y, groups=groups, cv=GroupKFold(2), error_score="raise")
    assert "inside of another split" in caught.value.hint
