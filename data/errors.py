"""The one tree of errors. No HTTP here: `serving.problems` maps each leaf to an answer."""


class CreditRiskError(Exception):
    """Base of every error that a user may see. Its text names the field and the remedy."""


class DataError(CreditRiskError):
    """Something is wrong with input or with what is stored."""


class SourceUnreadableError(DataError):
    """A file to import is missing, empty, or not of the format that its name says."""


class MappingError(DataError):
    """A column mapping is unknown or does not fit the file."""


class InvalidRecordError(DataError):
    """A record breaks its type. `faults` lists each field with its reason.

    Arguments:
        faults: pairs of field path and reason, at least one.
    """

    def __init__(self, faults: "tuple[tuple[str, str], ...]") -> None:
        self.faults = faults
        super().__init__("; ".join(f"{field}: {reason}" for field, reason in faults))


class RecordConflictError(DataError):
    """A record contradicts what is stored under its guid."""


class PseudonymError(DataError):
    """A pseudonym key is missing, too short, or badly named."""


class SnapshotError(DataError):
    """A snapshot is missing, incomplete, or its files are not those of its manifest."""


class NotFoundError(DataError):
    """Nothing is stored under the given name."""


class StoreError(DataError):
    """The database is missing, locked, or of another schema version."""


class ClusterError(CreditRiskError):
    """A Dask cluster that was named does not answer."""


class FeatureError(CreditRiskError):
    """A feature definition or its state is wrong."""


class LateQuestionError(FeatureError):
    """The live state has moved past the moment asked about; use the batch engine for the past."""


class ModelError(CreditRiskError):
    """A model cannot be trained, loaded or applied."""


class BundleError(ModelError):
    """A model bundle is damaged, tampered with, or made for another catalogue."""


class NoChampionError(ModelError):
    """No model has been promoted yet."""


class PromotionError(ModelError):
    """A promotion, an approval or a rollback is not allowed as asked."""


class GateError(PromotionError):
    """A model does not pass the gates that stand before production."""


class TooFewLabelsError(ModelError):
    """Not enough matured outcomes to train or to evaluate."""


class BacktestError(ModelError):
    """A backtest cannot be run on what it was given."""


class PolicyError(CreditRiskError):
    """A decision policy is missing for a date or does not validate."""
