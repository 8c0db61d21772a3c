"""How sure a plan is: its inputs are drawn from what was measured, and the money is computed for each draw.

These modules load numpy, so nothing is imported here.
"""
