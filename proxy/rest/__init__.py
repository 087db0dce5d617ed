"""A tenant's own things over HTTP, by key: `/api/…`, described on the API page. No session has any right here."""
