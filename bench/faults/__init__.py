"""Steady traffic through the whole system while it is broken in every way, and an independent
checker that decides afterwards what of the promises held: `python -m bench.faults --help`.
"""
