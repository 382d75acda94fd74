"""Every public name is in the API reference, with its parameters and an example."""

import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest
from numpydoc.docscrape import ClassDoc, FunctionDoc

import ferkit

ROOMS = ["", *(name for name in ferkit.__all__ if inspect.ismodule(getattr(ferkit, name)))]
REFERENCE = (Path(__file__).parents[1] / "docs" / "api.rst").read_text()


def public_objects():
    for room in ROOMS:
        module = import_module(f"ferkit.{room}" if room else "ferkit")
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isclass(value) or inspect.isfunction(value):
                yield f"{room}.{name}" if room else name, value


def own_methods(kind):
    """What a class adds, or inherits within ferkit, that users call; torch calls `forward`."""
    for name, method in inspect.getmembers(kind, inspect.isroutine):
        home = getattr(inspect.unwrap(method), "__module__", "") or ""
        if not name.startswith(("_", "set_", "forward")) and home.startswith("ferkit"):
            yield name, method


OBJECTS = dict(public_objects())
ELSEWHERE = {"BaseFER"}  # MobileNetFER documents its parameters
# whose methods have the examples, and what takes hours
WITHOUT_EXAMPLE = {"metrics.FERReport", "model_selection.Stage", "model_selection.train_recipe"}
METHODS = {
    f"{name}.{method_name}": method
    for name, kind in OBJECTS.items()
    if inspect.isclass(kind)
    for method_name, method in own_methods(kind)
}


def parameters_of(value):
    """Names of the parameters that a user gives."""
    return [
        name
        for name, parameter in inspect.signature(value).parameters.items()
        if name not in {"self", "cls"} and parameter.kind != parameter.VAR_KEYWORD
    ]


def documented(doc):
    return [
        name.strip().lstrip("*")
        for entry in doc["Parameters"]
        for name in entry.name.split(",")
        if not entry.name.startswith("**")
    ]


@pytest.mark.parametrize("name", OBJECTS)
def test_it_is_in_the_reference(name):
    assert re.search(rf"^ +(ferkit\.)?{re.escape(name)}$", REFERENCE, flags=re.MULTILINE)


@pytest.mark.parametrize("name", OBJECTS)
def test_its_parameters_are_documented(name):
    value = OBJECTS[name]
    doc = ClassDoc(value) if inspect.isclass(value) else FunctionDoc(value)
    assert doc["Summary"]
    is_tuple = inspect.isclass(value) and issubclass(value, tuple)  # documents its fields
    if name not in ELSEWHERE and not is_tuple:
        assert documented(doc) == parameters_of(value)
    assert bool(doc["Examples"]) == (name not in WITHOUT_EXAMPLE)


@pytest.mark.parametrize("name", METHODS)
def test_its_methods_are_documented(name):
    method = METHODS[name]
    doc = FunctionDoc(method)
    assert doc["Summary"]
    assert documented(doc) == parameters_of(method)
