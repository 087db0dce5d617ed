"""What the tests of the operator's pages share."""

import pytest
from django.contrib.auth.models import User


@pytest.fixture
def admin_user(db: None) -> User:
    """The operator `admin_client` logs in. Without a password, which would take half a second to hash."""
    return User.objects.create_superuser("admin")
