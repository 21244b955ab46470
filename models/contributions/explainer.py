"""Raw scores and what each feature adds to them, for one row or many."""

import lightgbm
import numpy as np

from data.errors import ModelError
from models.contributions.quadrature import EXACT_TO, Floats, contributions_of, margin_of, rules
from models.contributions.trees import read_forest


class Contributions:
    """A model that says its raw scores and their contributions; its compiled loops are loaded when it is made.

    Equal to LightGBM's `pred_contrib` but for rounding. Where a path has more than 32 distinct features, `pred_contrib` itself
    answers, as the quadrature here is not exact for those.

    Arguments:
        trees: LightGBM's model text, of one output.
    Raises:
        BundleError: where the trees are damaged or of a kind that is not supported (see `read_forest`).
    """

    def __init__(self, trees: str) -> None:
        forest = read_forest(trees)
        self.features, self.base = forest.features, forest.base
        self._arrays = forest.trees, forest.nodes, forest.leaves, forest.words
        self._rules = rules()
        self._booster = lightgbm.Booster(model_str=trees) if forest.distinct > EXACT_TO else None
        self.margin(np.zeros(self.features))
        self._by_quadrature(np.zeros((1, self.features)))

    @property
    def is_by_quadrature(self) -> bool:
        """Whether the quadrature answers, not LightGBM's `pred_contrib`."""
        return self._booster is None

    def margin(self, row: Floats) -> float:
        """The raw score of a row of shape (features,): the bits that LightGBM's `predict(raw_score=True)` gives."""
        return float(margin_of(*self._arrays, self._fitting(row)[0]))

    def row(self, row: Floats) -> Floats:
        """Contributions of a row of shape (features,), and the base value: shape (features + 1,), adding up to the margin."""
        contributions: Floats = self.rows(row)[0]
        return contributions

    def rows(self, rows: Floats) -> Floats:
        """Contributions of rows of shape (n, features), and the base value: shape (n, features + 1). One thread, no GIL.

        Raises:
            ModelError: where rows have another number of features than the model.
        """
        fitting = self._fitting(rows)
        if self._booster is not None:
            answered: Floats = np.asarray(self._booster.predict(fitting, pred_contrib=True, num_threads=1))
            return answered
        return self._by_quadrature(fitting)

    def _by_quadrature(self, rows: Floats) -> Floats:
        result: Floats = np.empty((len(rows), self.features + 1))
        contributions_of(*self._arrays, self.base, *self._rules, rows, result)
        return result

    def _fitting(self, rows: Floats) -> Floats:
        """A copy that compiled loops take without a look and without being compiled anew: plain, writable, of two axes."""
        copied: Floats = np.array(rows, dtype=np.float64, order="C", ndmin=2)
        if copied.ndim != 2 or copied.shape[1] != self.features:
            raise ModelError(f"rows have shape {copied.shape} where the model has {self.features} features")
        return copied
