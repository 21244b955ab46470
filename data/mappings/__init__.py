"""Mappings from the columns of known data sets to records, one YAML file each."""
