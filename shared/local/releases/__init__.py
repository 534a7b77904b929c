"""Revisions of the local cloud: processes that serve different bundles, and the traffic split between them."""
