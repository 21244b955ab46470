"""What people read about a model: plots, the report, figures on labelled files."""
