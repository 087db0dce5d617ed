"""Proof that a policy holds: canaries for each rule go through the real path, with the simulator as the upstream."""
