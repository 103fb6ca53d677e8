"""What each study says of the papers' claims. Every sentence about our runs is computed from them.

A part of a claim holds when the whole 95 % interval of a paired difference says so, and not the mean alone.
"""
