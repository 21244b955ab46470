"""Code tables of customs messages, dated, in one place: what a code means on a date, exchange rates, enterprise codes."""

from data.codes.enterprises import enterprise_fault
from data.codes.rates import MAX_AGE_DAYS, Rate, Rates, read_rates
from data.codes.tables import TABLES, Entry, Table, table

__all__ = ["MAX_AGE_DAYS", "TABLES", "Entry", "Rate", "Rates", "Table", "enterprise_fault", "read_rates", "table"]
