#!/usr/bin/env python3
"""Makes tests/golden/metrics.json: predictions, and what scikit-learn, SciPy and statsmodels say about them.

usage: python3 -m venv .venv-metrics && .venv-metrics/bin/pip install scikit-learn scipy statsmodels
       .venv-metrics/bin/python tools/golden_metrics.py

A score that they call undefined (NaN, or an error) is null. The most probable class is np.argmax: the lowest of equals.
"""
import json
import math
import warnings
from pathlib import Path

import numpy as np
import scipy
import sklearn
import statsmodels
from scipy import stats
from sklearn import metrics
from statsmodels.stats.proportion import proportion_confint

GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "golden" / "metrics.json"


def defined(score):
    return None if math.isnan(score) else float(score)


def auc(truth, probabilities):
    classes = probabilities.shape[1]
    if len(np.unique(truth)) < classes:
        return None
    if classes == 2:
        return float(metrics.roc_auc_score(truth, probabilities[:, 1]))
    return float(metrics.roc_auc_score(truth, probabilities, multi_class="ovr", average="macro"))


def average_precision(truth, probabilities):
    classes = probabilities.shape[1]
    if len(np.unique(truth)) < classes:
        return None
    if classes == 2:
        return float(metrics.average_precision_score(truth, probabilities[:, 1]))
    return float(metrics.average_precision_score(truth, probabilities, average="macro"))


def brier(truth, probabilities):
    classes = probabilities.shape[1]
    return float(metrics.brier_score_loss(truth, probabilities, labels=range(classes)))


def average(truth, predicted, how):
    # Without `labels`: the classes that occur in truth or predictions, as scikit-learn does unasked.
    scores = metrics.precision_recall_fscore_support(truth, predicted, average=how, zero_division=0)
    return dict(zip(["precision", "recall", "f1"], map(float, scores)))


def case(truth, probabilities):
    truth, probabilities = np.asarray(truth), np.asarray(probabilities, dtype=np.float64)
    labels = range(probabilities.shape[1])
    predicted = probabilities.argmax(axis=1)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        truth, predicted, labels=labels, zero_division=0
    )
    return {
        "truth": truth.tolist(),
        "probabilities": probabilities.tolist(),
        "confusion": metrics.confusion_matrix(truth, predicted, labels=labels).tolist(),
        "accuracy": metrics.accuracy_score(truth, predicted),
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, predicted),
        "macro": average(truth, predicted, "macro"),
        "weighted": average(truth, predicted, "weighted"),
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1.tolist(),
        "support": support.astype(int).tolist(),
        "kappa": defined(metrics.cohen_kappa_score(truth, predicted)),
        "mcc": float(metrics.matthews_corrcoef(truth, predicted)),
        "auc": auc(truth, probabilities),
        "average_precision": average_precision(truth, probabilities),
        "brier": brier(truth, probabilities),
        "log_loss": float(metrics.log_loss(truth, probabilities, labels=labels)),
    }


def cases():
    random = np.random.default_rng(1)

    def soft(n, classes, truth=None, gain=1.0):
        logits = random.normal(size=(n, classes))
        if truth is not None:
            logits[np.arange(n), truth] += gain
        odds = np.exp(logits)
        return odds / odds.sum(axis=1, keepdims=True)

    def quarters(n, classes):
        return random.multinomial(4, [1 / classes] * classes, size=n) / 4

    for classes in (2, 4):
        truth = random.integers(classes, size=40)
        yield f"random_{classes}", case(truth, soft(40, classes, truth))
        yield f"chance_{classes}", case(truth, soft(40, classes))
        yield f"ties_{classes}", case(truth, quarters(40, classes))
        yield f"perfect_{classes}", case(truth, np.eye(classes)[truth])
        yield f"all_wrong_{classes}", case(truth, np.eye(classes)[(truth + 1) % classes])
        yield f"constant_{classes}", case(truth, np.full((40, classes), 1 / classes))

        skewed = random.choice(classes, size=40, p=np.r_[0.8, np.full(classes - 1, 0.2 / (classes - 1))])
        yield f"skewed_{classes}", case(skewed, soft(40, classes, skewed))

        never_predicted = soft(40, classes, truth)
        never_predicted[:, -1] = 0
        never_predicted /= never_predicted.sum(axis=1, keepdims=True)
        yield f"never_predicted_{classes}", case(truth, never_predicted)
        yield f"never_true_{classes}", case(truth % (classes - 1), soft(40, classes))
        yield f"neither_{classes}", case(truth % (classes - 1), never_predicted)
        yield f"one_class_true_{classes}", case(np.zeros(40, int), soft(40, classes))
        yield f"one_class_only_{classes}", case(np.ones(40, int), np.tile(np.eye(classes)[1], (40, 1)))
    yield "one_answer", case([2], [[0.2, 0.3, 0.5]])


def t_interval(values):
    mean, sd = np.mean(values), np.std(values, ddof=1)
    low, high = stats.t.interval(0.95, len(values) - 1, loc=mean, scale=sd / math.sqrt(len(values)))
    return {"values": values, "mean": float(mean), "sd": float(sd), "interval": [float(low), float(high)]}


def main():
    warnings.simplefilter("ignore")  # scikit-learn warns about every degenerate case; they are why the cases are here
    random = np.random.default_rng(2)
    levels, freedoms = (0.5, 0.8, 0.9, 0.95, 0.99, 0.999), (1, 2, 3, 4, 5, 9, 10, 31, 100, 1001)
    counts = ((0, 10), (1, 10), (5, 10), (10, 10), (903, 1280), (1, 1))
    golden = {
        "versions": {module.__name__: module.__version__ for module in (np, scipy, sklearn, statsmodels)},
        "command": "python tools/golden_metrics.py",
        "cases": dict(cases()),
        "t_critical": [
            {"level": level, "freedom": freedom, "t": float(stats.t.ppf((1 + level) / 2, freedom))}
            for level in levels
            for freedom in freedoms
        ],
        "t_interval": [t_interval(random.uniform(size=n).tolist()) for n in (2, 3, 10, 32)],
        "wilson": [
            {"count": count, "n": n, "interval": [float(end) for end in proportion_confint(count, n, method="wilson")]}
            for count, n in counts
        ],
    }
    lines = ",\n".join(
        f" {json.dumps(key)}: "
        + (
            "{\n" + ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in value.items()) + "\n }"
            if key == "cases"
            else json.dumps(value)
        )
        for key, value in golden.items()
    )
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text("{\n" + lines + "\n}\n")


if __name__ == "__main__":
    main()
