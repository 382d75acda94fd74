"""Type checkers find types, and the names that are resolved on first use.

That the types are right, mypy checks, with `typing/usage.py` as a user.
"""

import ast
import inspect
import tomllib
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

import ferkit
from tests.public import METHODS, OBJECTS, is_own

ROOT = Path(__file__).parents[1]
CONSTRUCTORS = {
    f"{name}.__init__": kind.__init__
    for name, kind in OBJECTS.items()
    if inspect.isclass(kind) and is_own(kind.__init__)
}
PROPERTIES = {
    f"{name}.{attribute}": value.fget
    for name, kind in OBJECTS.items()
    if inspect.isclass(kind)
    for attribute, value in inspect.getmembers(kind, lambda value: isinstance(value, property))
    if not attribute.startswith("_") and is_own(value.fget)
}
FUNCTIONS = {name: value for name, value in OBJECTS.items() if inspect.isfunction(value)}
CALLABLES = FUNCTIONS | METHODS | CONSTRUCTORS | PROPERTIES


@pytest.mark.parametrize("name", CALLABLES)
def test_it_has_types(name):
    signature = inspect.signature(CALLABLES[name])
    untyped = {
        parameter.name
        for parameter in signature.parameters.values()
        if parameter.annotation is parameter.empty
    }
    assert untyped <= {"self"}
    assert signature.return_annotation is not signature.empty


@pytest.mark.parametrize("package", ["ferkit", "ferkit.deploy"])
def test_type_checkers_see_what_is_resolved_on_first_use(package):
    module = import_module(package)
    (block,) = (
        node
        for node in ast.parse(inspect.getsource(module)).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    imports = {(node.module, alias.name) for node in block.body for alias in node.names}
    homes = {(home, name) for name, home in module._HOMES.items()}
    rooms = {(None, name) for name in module.__all__ if find_spec(f"{package}.{name}")}
    assert imports == homes | rooms
    assert {name for _, name in imports} <= set(module.__all__)


def test_the_package_says_that_it_has_types():
    assert (Path(ferkit.__file__).parent / "py.typed").is_file()
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "py.typed" in settings["tool"]["setuptools"]["package-data"]["ferkit"]
