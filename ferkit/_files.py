"""A fitted estimator's way to files, and from those that come with ferkit."""

from __future__ import annotations

from typing import Literal, Self

from ._saving import load, save
from ._typing import StrPath
from .weights import find_weights


class FilesMixin:
    """Saves an estimator, and makes one that is fitted already."""

    @classmethod
    def from_pretrained(cls, name: str) -> Self:
        """Make a fitted estimator with weights that come with ferkit.

        It predicts at once. To go on from the weights, give the name as `weights` to a new
        estimator. `fit` of this one begins from nothing, with the parameters and the many epochs
        of the weights' own training, unless `warm_start` is set.

        Parameters
        ----------
        name : str
            One of `ferkit.available_weights()`, such as "fer2013".

        Returns
        -------
        estimator : object
            The fitted estimator, but for its history: `history_` is empty and `n_iter_` 0.

        Raises
        ------
        ValueError
            If there are no weights of this name for this very class, or the file is damaged.
        """
        estimator = load(find_weights(cls.__name__, name))
        if type(estimator) is not cls:
            raise ValueError(
                f"got the class {cls.__module__}.{cls.__qualname__}, expected ferkit's "
                f"own {cls.__name__}; to begin the fit of your class with them, pass "
                f"weights={name!r}"
            )
        estimator._began_with = name
        return estimator

    def save(self, path: StrPath, *, dtype: Literal["float32", "float16"] = "float32") -> None:
        """Write the fitted estimator to one file, which `ferkit.load` reads.

        The file holds the parameters but `callbacks`, `checkpoint_dir`, `sampler`, `teacher` and
        `weights`, of which it keeps the name; the weights that predict, the labels and the history;
        and no code. The optimizer's state is not in it: a `partial_fit` after loading starts the
        optimizer anew.

        Parameters
        ----------
        path : str or os.PathLike
            Where to; by convention ``*.safetensors``. An existing file is replaced.
        dtype : {"float32", "float16"}, default="float32"
            Of the weights in the file; "float16" rounds them and halves the file. Loaded ones are
            float32 again.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ValueError
            If a parameter is something that a file cannot hold, the class is not one that
            `ferkit.load` knows, or `dtype` is neither or cannot hold the weights.
        OSError
            If the file cannot be written; an existing one stays as it was.
        """
        save(self, path, dtype=dtype)
