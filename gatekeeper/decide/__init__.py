"""The verdict of a run, derived from the store alone: the loop does it when it ends, `verify` does it again later."""
