"""Configuration of the documentation."""

import ferkit

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
html_sidebars = {"conventions": [], "imbalance": [], "pitfalls": [], "weights": [], "comparing": []}
html_show_sourcelink = False
