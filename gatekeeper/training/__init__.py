"""Fit a student, one file per recipe."""
