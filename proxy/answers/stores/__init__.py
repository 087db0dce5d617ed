"""Where answers are kept: a file that the processes of one machine share, or Redis for many machines.

A store is a convenience: whatever goes wrong in it is a miss, and said in the log.
"""

from proxy.answers.stores.store import Filter, Store, StoreDown

__all__ = ["Filter", "Store", "StoreDown"]
