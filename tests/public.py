"""What is public: names of functions and classes, and methods that classes add."""

import inspect
from importlib import import_module

import ferkit

ROOMS = ["", *(name for name in ferkit.__all__ if inspect.ismodule(getattr(ferkit, name)))]


def public_objects():
    for room in ROOMS:
        module = import_module(f"ferkit.{room}" if room else "ferkit")
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isclass(value) or inspect.isfunction(value):
                yield f"{room}.{name}" if room else name, value


def is_own(method):
    return (getattr(inspect.unwrap(method), "__module__", "") or "").startswith("ferkit")


def own_methods(kind):
    """What a class adds, or inherits within ferkit, that users call; torch calls `forward`."""
    for name, method in inspect.getmembers(kind, inspect.isroutine):
        if not name.startswith(("_", "set_", "forward")) and is_own(method):
            yield name, method


OBJECTS = dict(public_objects())
METHODS = {
    f"{name}.{method_name}": method
    for name, kind in OBJECTS.items()
    if inspect.isclass(kind)
    for method_name, method in own_methods(kind)
}
