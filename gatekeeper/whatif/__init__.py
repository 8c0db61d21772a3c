"""What-if: the money of one task under any change of its inputs, without a loop.

A `Worksheet` holds every number under a name, and the options that use them; `table_of` computes the alternatives. The
command line and the HTML calculator are two faces of the same worksheet. Nothing that computes reads a clock or a
network.
"""
