from django.db import migrations, models

from tenants import chain


def chain_entries(apps, schema_editor):
    """Entries from before the chain become its first links."""
    head = apps.get_model("tenants", "AuditHead").objects.filter(pk=1).first()
    if head is None:
        return
    rows = apps.get_model("tenants", "AuditEntry").objects
    version, running = chain.newest_key(), chain.GENESIS
    for entry in rows.order_by("revision"):
        entry.key_version, entry.previous_hash = version, running
        running = chain.hash_of([getattr(entry, name) for name in chain.FIELDS], running)
        rows.filter(pk=entry.pk).update(key_version=version, previous_hash=entry.previous_hash, hash=running)
    head.hash = running
    head.save()


class Migration(migrations.Migration):
    dependencies = [("tenants", "0002_limits")]

    operations = [
        migrations.AddField(
            "audithead",
            "hash",
            models.CharField(default=chain.GENESIS, help_text="That of the last entry.", max_length=64),
        ),
        migrations.AlterField("auditentry", "at", models.DateTimeField(db_index=True)),
        migrations.AddField(
            "auditentry",
            "key_version",
            models.PositiveIntegerField(default=0, help_text="Of the encryption key that its hash is made with."),
            preserve_default=False,
        ),
        migrations.AddField(
            "auditentry", "previous_hash", models.CharField(default="", max_length=64), preserve_default=False
        ),
        migrations.AddField(
            "auditentry",
            "hash",
            models.CharField(default="", help_text="See tenants/chain.py.", max_length=64),
            preserve_default=False,
        ),
        migrations.RunPython(chain_entries, migrations.RunPython.noop),
    ]
