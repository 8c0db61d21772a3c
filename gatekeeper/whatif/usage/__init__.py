"""The usage file: a small YAML of traffic, tokens, models and options, read to a worksheet."""
