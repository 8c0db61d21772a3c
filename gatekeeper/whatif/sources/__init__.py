"""Worksheets from a suite that nobody has run, and from a run with what it measured."""
