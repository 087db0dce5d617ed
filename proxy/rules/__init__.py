"""What a tenant lets be asked, answered and done: rules, how they are judged, and how a stream is watched."""
