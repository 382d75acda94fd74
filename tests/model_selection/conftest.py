import functools

import pytest
from optuna.storages import RDBStorage


@pytest.fixture(autouse=True)
def close_databases(monkeypatch):
    """Close what a test has opened: Python 3.13 warns of databases that are collected open."""
    opened, init = [], RDBStorage.__init__

    @functools.wraps(init)
    def record(self, *args, **kwargs):
        init(self, *args, **kwargs)
        opened.append(self)

    monkeypatch.setattr(RDBStorage, "__init__", record)
    yield
    for storage in opened:
        storage.remove_session()
        storage.engine.dispose()
