"""Configuration of the documentation."""

import sys
from pathlib import Path
from urllib.request import urlopen

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
    "sphinx.ext.intersphinx",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build"]
default_role = "autolink"  # a name of the reference is a link to it
rst_prolog = ".. currentmodule:: ferkit"

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

html_title = "ferkit"
html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_css_files = ["ferkit.css"]
html_theme_options = {"show_prev_next": False, "header_links_before_dropdown": 6}
html_sidebars = {name: [] for name in ["index", "installation", "start"]}  # they have no others
html_show_sourcelink = False


def _reachable(libraries):
    """Those whose list of names can be had; without a network, their names are no links."""
    for name, url in libraries.items():
        try:
            urlopen(f"{url}objects.inv", timeout=5).close()
        except OSError as error:
            print(f"Names of {name} are no links: {url} cannot be reached: {error}")
        else:
            yield name, (url, None)


intersphinx_mapping = dict(
    _reachable(
        {
            "python": "https://docs.python.org/3/",
            "numpy": "https://numpy.org/doc/stable/",
            "pandas": "https://pandas.pydata.org/docs/",
            "matplotlib": "https://matplotlib.org/stable/",
            "sklearn": "https://scikit-learn.org/stable/",
            "imblearn": "https://imbalanced-learn.org/stable/",
            "torch": "https://docs.pytorch.org/docs/stable/",
            "skorch": "https://skorch.readthedocs.io/en/stable/",
            "optuna": "https://optuna.readthedocs.io/en/stable/",
        }
    )
)


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
