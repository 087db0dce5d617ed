"""HTTP/1.1 towards the upstreams: one connection, how it is made, and where those that wait are kept."""
