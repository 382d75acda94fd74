"""Attacks that take minutes are no tests: pytest shall not even look for doctests in them."""

collect_ignore_glob = ["*.py"]
