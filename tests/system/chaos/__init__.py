"""Kills, faults and duplicates on a local cloud of real processes: nothing may be lost, nothing doubled.

``python -m tests.system.chaos`` runs every scenario, each in a cloud of its own, and judges what is left by the
promises in ``verdict``. Nothing in the product knows of it: steps are recognised by the requests that they send.
"""
