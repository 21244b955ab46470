"""CEB customs messages: fields declared once (`fields.tsv`), read, checked, written and answered from that table."""
