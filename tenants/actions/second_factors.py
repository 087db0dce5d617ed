"""Changes of how people's second factors are kept."""

from allauth.mfa.models import Authenticator

from tenants import audit, second_factors, secrets
from tenants.actions.upstreams import Resealed


def reseal_second_factors(*, actor: str) -> Resealed:
    """Seal with the newest key what an older one sealed, each row by itself: stop and start again at will.

    A row that its owner uses at the same moment stays as it is, and is still counted as needing the older key.
    """
    done, failed, newest = 0, [], secrets.newest_version()
    for row in second_factors.sealed_rows():
        older = second_factors.versions(row) - {newest}
        if not older:
            continue
        try:
            fresh = second_factors.resealed(row)
        except secrets.CannotDecrypt as broken:
            failed.append(f"{row} of {row.user}: {broken}")
            continue
        with audit.change(actor=actor) as trail:
            if Authenticator.objects.filter(pk=row.pk, data=row.data).update(data=fresh):
                trail.record("second_factor.reseal", row, {"key_version": [max(older), newest]})
                done += 1
    return Resealed(done, tuple(failed))
