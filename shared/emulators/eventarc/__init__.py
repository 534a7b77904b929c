"""The laptop's Eventarc: takes the object store's announcements and posts them to a function until it takes them.

Delivery is at least once, as Eventarc's is: an event may come twice, late, or after a later one.
"""
