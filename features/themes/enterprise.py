"""The enterprise's archive: identity, transaction, logistics, funds, settlement, supervision, public credit, related parties."""

from features.themes.funds import FUNDS, SETTLEMENT
from features.themes.identity import IDENTITY
from features.themes.logistics import LOGISTICS
from features.themes.match import ENTERPRISE_MATCH
from features.themes.price import PRICE_SPREAD
from features.themes.related import RELATED
from features.themes.supervision import PUBLIC_CREDIT, SUPERVISION
from features.themes.transaction import TRANSACTION

ARCHIVE = (
    *IDENTITY,
    *TRANSACTION,
    *LOGISTICS,
    *FUNDS,
    *SETTLEMENT,
    *SUPERVISION,
    *PUBLIC_CREDIT,
    *RELATED,
    *PRICE_SPREAD,
    *ENTERPRISE_MATCH,
)
