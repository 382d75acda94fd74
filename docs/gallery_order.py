"""The order of the gallery."""

EXAMPLES = [
    "plot_first_fit.py",
    "plot_explore_and_balance.py",
    "plot_imbalance.py",
    "plot_pipeline_with_sampler.py",
    "plot_augmentation.py",
    "plot_embedding.py",
    "plot_fused_features.py",
    "plot_saliency.py",
    "plot_ensemble_and_calibration.py",
    "plot_compare.py",
    "plot_grid_search.py",
    "plot_search.py",
    "plot_resume.py",
    "plot_export.py",
    "plot_int8.py",
    "plot_photo.py",
]


class GalleryOrder:
    """From the first steps to deploying; an example that is not listed is an error."""

    def __init__(self, src_dir):
        self.src_dir = src_dir

    def __repr__(self):
        return "<GalleryOrder>"

    def __call__(self, filename):
        return EXAMPLES.index(filename)
