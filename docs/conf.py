"""Configuration of the documentation."""

import sys
from pathlib import Path

import ferkit

sys.path.append(str(Path(__file__).parent / "demo"))

project = "ferkit"
author = "the ferkit developers"
copyright = f"2026, {author}"
release = version = ferkit.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
]
exclude_patterns = ["_build"]

autosummary_generate = True
templates_path = ["_templates"]
numpydoc_show_class_members = False
# ferkit's own members; scikit-learn and torch document what they add
autodoc_default_options = {
    "members": True,
    "inherited-members": "BaseEstimator, ClassifierMixin, ClassNamePrefixFeaturesOutMixin, Module,"
    " OneToOneFeatureMixin, SamplerMixin, TransformerMixin, _MetadataRequester, _SetOutputMixin",
    "exclude-members": "set_fit_request, set_partial_fit_request, set_score_request",
}

html_theme = "pydata_sphinx_theme"
html_theme_options = {"show_prev_next": False}
html_sidebars = {
    "conventions": [],
    "imbalance": [],
    "pitfalls": [],
    "weights": [],
    "comparing": [],
    "browser": [],
}
html_show_sourcelink = False


def setup(app):
    app.connect("builder-inited", _add_demo)
    app.connect("env-get-outdated", lambda *_: ["browser"])  # it depends on what is there


def _add_demo(app):
    """Put the page that runs in a browser beside the others, if its runtime can be fetched."""
    if app.builder.name != "html":
        return
    from build_demo import build_demo

    try:
        build_demo(app.outdir / "demo")
    except OSError as error:
        print(f"The page in a browser is left out, for onnxruntime-web is missing: {error}")
    else:
        app.tags.add("demo")
