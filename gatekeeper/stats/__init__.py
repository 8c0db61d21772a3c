"""The statistics that decide: arrays of numbers in, frozen records out. No file, network, clock or torch.

paired     retention of a student against its teacher on the same items, tested and bounded
intervals  intervals of one rate, mean or quantile
spending   how an error budget is shared over looks and slices
power      what a gate split of a given size can show, before it is spent
"""
