"""The Eventarc emulator, called the relay: it posts the object store's announcements to one URL until it accepts them.

Delivery is at least once, as with Eventarc: an event can arrive twice, late, or out of order.
"""
