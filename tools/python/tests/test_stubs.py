"""The stubs describe what there is."""

import ast
import inspect
from pathlib import Path

import pytest

import fused_rnn as fr
from fused_rnn import _settings

STUB = ast.parse(Path(fr.__file__).with_suffix(".pyi").read_text())
DEFINED = {node.name: node for node in STUB.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}


def arguments(node):
    a = node.args
    names = [x.arg for x in (*a.posonlyargs, *a.args, *filter(None, [a.vararg]), *a.kwonlyargs, *filter(None, [a.kwarg]))]
    defaults = [None] * (len(a.args) - len(a.defaults)) + [ast.unparse(d) for d in a.defaults]
    keyword = [None if d is None else ast.unparse(d) for d in a.kw_defaults]
    return names, [d for d in defaults + keyword if d is not None]


def compare(node, function, where):
    parameters = inspect.signature(function).parameters.values()
    names, defaults = arguments(node)
    assert names == [p.name for p in parameters], where
    own = [repr(p.default) for p in parameters if p.default is not p.empty]
    assert [repr(ast.literal_eval(d)) for d in defaults] == own, where


def test_everything_public_has_a_stub_and_a_docstring():
    public = set(fr.__all__) - {"__version__"}
    assert public <= set(DEFINED)
    assert all(inspect.getdoc(getattr(fr, name)) for name in public)
    assert not {name for name in DEFINED if not name.startswith("_")} - public


@pytest.mark.parametrize("name", sorted(set(fr.__all__) - {"__version__"}))
def test_signatures_agree(name):
    node, own = DEFINED[name], getattr(fr, name)
    if isinstance(node, ast.FunctionDef):
        return compare(node, own, name)
    for member in node.body:
        if isinstance(member, ast.FunctionDef):
            found = inspect.getattr_static(own, member.name)
            if isinstance(found, property):
                assert any(ast.unparse(d) == "property" for d in member.decorator_list), (name, member.name)
            elif member.name not in ("get_params", "set_params", "score"):
                compare(member, getattr(own, member.name), f"{name}.{member.name}")


def test_the_stubs_have_every_setting():
    def keys(name):
        node = DEFINED[name]
        inherited = [keys(base.id) for base in node.bases if base.id in DEFINED]
        return {item.target.id for item in node.body if isinstance(item, ast.AnnAssign)}.union(*inherited)

    def own(sections):
        names = {key for keys in sections.values() for key in keys}
        return names - {"backend", "from"} | ({"device", "lr", "from_run"} if "from" in names else set())

    assert keys("_Settings") == own(_settings.SECTIONS)
    demo = {key for key in _settings.READING["demo"]}
    assert keys("_Reading") == own(_settings.READING) - demo
