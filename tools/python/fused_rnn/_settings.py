"""Settings: the keys of the program's configuration file, by section."""

import json
import math
import os
from collections.abc import Iterable, Mapping, Set

from ._errors import ConfigError

SECTIONS = {
    "network": ("conv", "cell", "hidden", "biases", "pool", "dense", "dropout"),
    "training": (
        "epochs",
        "batch",
        "optimizer",
        "learning_rate",
        "eps",
        "eps_placement",
        "schedule",
        "warmup",
        "weight_decay",
        "clip",
        "label_smoothing",
        "class_weights",
        "patience",
        "selection",
        "initial",
        "from",
        "seed",
    ),
    "split": ("split_by", "folds", "validation", "promise_independent_windows", "allow_copies"),
    "frames": ("normalize", "leave_out"),
    "permutation": ("permutations", "permutation_seed"),
    "run": ("backend", "isa", "adapter", "precision", "gemm", "kernel_cache", "threads", "folds_at_once", "save_every"),
}

# How recordings become windows; arrays are windows already.
READING = {
    "data": ("channels", "rate", "bad_windows", "allow_lost_cases", "layout", "test_file"),
    "demo": (
        "demo_subjects",
        "demo_seed",
        "demo_effect",
        "demo_effect_sd",
        "demo_trial_sd",
        "demo_subject_sd",
        "demo_prior_sd",
    ),
    "frames": (
        "frame_kind",
        "frame_length",
        "frame_step",
        "bands",
        "families",
        "feature_window",
        "gsr_unit",
        "baseline",
        "window",
        "window_step",
        "leave_out",
    ),
    "labels": ("label", "scale_range", "threshold", "tie", "dead_zone"),
    "run": ("threads",),
}

# Python has a word of its own for these.
ALIASES = {"device": "backend", "lr": "learning_rate", "from_run": "from"}
LISTS = ("hidden", "conv", "cell", "leave_out", "channels", "bands", "families")


def to_toml(given, sections=SECTIONS, **fixed):
    """TOML of the settings that are not None. ``fixed`` has whole sections, which come in addition."""
    place = {key: section for section, keys in sections.items() for key in keys}
    table = {section: dict(values) for section, values in fixed.items()}
    said = {}
    for name, value in given.items():
        key = ALIASES.get(name, name)
        if key not in place:
            aliases = [alias for alias, key in ALIASES.items() if key in place]
            raise ConfigError(f"unknown setting {name!r}", nearest(name, [*place, *aliases]))
        if value is None:
            continue
        if said.setdefault(key, name) != name:
            raise ConfigError(f"`{said[key]}` and `{name}` are one setting", "give one of them")
        if key in LISTS and not isinstance(value, (list, tuple)):
            value = value.split(",") if isinstance(value, str) else [value]
        if key == "cell" and len(value) == 1:
            value = value[0]
        table.setdefault(place[key], {})[key] = value
    lines = []
    for section, values in table.items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {_literal(key, value)}" for key, value in values.items() if value is not None]
    return "\n".join(lines) + "\n"


def choices(tune):
    """A dict of settings and the values to choose among, as the program's texts: ``learning_rate=0.001;0.0003``."""
    if not isinstance(tune, Mapping) or not tune:
        hint = "write, for instance, tune={'lr': [1e-3, 3e-4]}"
        raise ConfigError(f"`tune` is {tune!r}, expected a dict of settings and their values", hint)
    texts = []
    for name, values in tune.items():
        if hasattr(values, "tolist"):
            values = values.tolist()
        elif isinstance(values, Iterable) and not isinstance(values, (str, bytes, Set)):
            values = list(values)
        if not isinstance(values, list) or len(values) < 2:
            hint = "a setting with one value is none to choose: give it beside `tune`"
            raise ConfigError(f"`tune` has {name} = {values!r}, expected a list of two or more values", hint)
        texts.append(f"{ALIASES.get(name, name)}={';'.join(_word(name, value) for value in values)}")
    return texts


def refuse_both(given, tune):
    """Refuses settings that are given and chosen."""
    chosen = {ALIASES.get(name, name) for name in tune} if isinstance(tune, Mapping) else set()
    for name, value in given.items():
        if value is not None and ALIASES.get(name, name) in chosen:
            raise ConfigError(f"`{name}` would have no effect beside `tune`, which gives it its values", "leave one of them out")


def _word(name, value):
    """A value as the command line spells it."""
    if isinstance(value, (list, tuple)):
        return ",".join(_word(name, one) for one in value)
    return value if isinstance(value, str) else _literal(name, value)


def _literal(key, value):
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        value = value.item()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        # TOML's integers end here; the program reads a larger seed as text.
        return str(value) if -(2**63) <= value < 2**63 else f'"{value}"'
    if isinstance(value, float):
        return "nan" if math.isnan(value) else repr(value)
    if isinstance(value, (str, os.PathLike)):
        return _text(key, os.fspath(value))
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_literal(key, one) for one in value)}]"
    raise ConfigError(f"`{key}` is {value!r}, expected a number, a word or a list of them")


def _text(key, value):
    """A string of TOML, whose escapes are those of JSON but for surrogates and DEL."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ConfigError(f"`{key}` is {value!r}, expected text that UTF-8 can hold") from None
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def nearest(name, names):
    """A hint at the name that was meant, or at all of them."""
    from difflib import get_close_matches

    close = get_close_matches(name, names, 1)
    return f"did you mean {close[0]!r}?" if close else f"there are {', '.join(sorted(names))}"
