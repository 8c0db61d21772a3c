"""The what-if calculator: one HTML file with sliders that computes what `gatekeeper cost what-if` computes.

cost.js mirrors `gatekeeper.cost`, table.js mirrors `gatekeeper.whatif`, both without a page; the rest is the page.
"""

from gatekeeper.whatif.calculator.render import fragment, render, script_source

__all__ = ["fragment", "render", "script_source"]
