"""Every public name is in the API reference, with its parameters and an example."""

import inspect
import re
from pathlib import Path

import pytest
from numpydoc.docscrape import ClassDoc, FunctionDoc

from tests.public import METHODS, OBJECTS

REFERENCE = (Path(__file__).parents[1] / "docs" / "api.rst").read_text()
ELSEWHERE = {"BaseFER"}  # MobileNetFER documents its parameters
# whose methods have the examples, and what takes hours
WITHOUT_EXAMPLE = {"metrics.FERReport", "model_selection.Stage", "model_selection.train_recipe"}


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
