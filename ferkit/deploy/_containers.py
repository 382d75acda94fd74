"""Arrays in the containers of scikit-learn's `set_output`."""

from sklearn.base import TransformerMixin


class Container(TransformerMixin):
    """A transformer whose output, an array with named columns, is there already.

    scikit-learn makes it a DataFrame if `set_output`, or its global configuration, asks for one.
    """

    def __init__(self, output, names):
        self.output = output
        self.names = names

    def get_feature_names_out(self, input_features=None):
        """Name the columns, as scikit-learn asks."""
        return self.names

    def transform(self, X):
        """Give the output; scikit-learn takes its index from X."""
        return self.output
