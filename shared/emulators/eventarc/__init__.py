"""Eventarc on a laptop: post the object store's announcements to one URL until it takes them.

Delivery is at least once, as Eventarc's is: an event may come twice, late, or after a later one.
"""
