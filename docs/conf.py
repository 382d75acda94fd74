"""Configuration of the documentation."""

import sys
from pathlib import Path

import matplotlib

import ferkit

matplotlib.use("Agg")
_HERE = Path(__file__).parent
sys.path += [str(_HERE), str(_HERE / "demo")]  # for gallery_order and build_demo

project = "ferkit"
author = "the ferkit developers"
copyright = f"2026, {author}"
release = version = ferkit.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build"]

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    # others, such as the notebook, are not part of the gallery
    "filename_pattern": r"plot_\w+\.py$",
    "ignore_pattern": r"^(?!.*plot_\w+\.py$)",
    "within_subsection_order": "gallery_order.GalleryOrder",
    "abort_on_example_error": True,
    "image_scrapers": ("matplotlib",),
    "reset_modules": ("matplotlib",),
    "capture_repr": ("_repr_html_",),
    "show_memory": False,
    "min_reported_time": 0,
    "remove_config_comments": True,
    # the examples that use something are shown on its page
    "doc_module": ("ferkit",),
    "backreferences_dir": "generated/backreferences",
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

autosummary_generate = True
templates_path = ["_templates"]
numpydoc_show_class_members = False
autodoc_typehints = "none"  # docstrings have them
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
