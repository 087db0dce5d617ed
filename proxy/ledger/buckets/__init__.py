"""Rate limits: continuous token buckets and places for calls at once, wherever they are kept.

A bucket holds what its limit allows in a minute and refills evenly; a call takes from all of its buckets or from
none. What was taken is a guess that is corrected once the truth is known, so a bucket may owe something.
"""

from proxy.ledger.buckets.demand import WINDOW_SECONDS, Buckets, Demand, Place, Taken, Want, look
from proxy.ledger.buckets.local import LocalBuckets
from proxy.ledger.buckets.opening import opened

__all__ = ["WINDOW_SECONDS", "Buckets", "Demand", "LocalBuckets", "Place", "Taken", "Want", "look", "opened"]
