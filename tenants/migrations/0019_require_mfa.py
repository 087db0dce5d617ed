"""Whether a tenant wants a second factor gets a column of its own: files and audits name it like any other."""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def to_column(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    for tenant in apps.get_model("tenants", "Tenant").objects.all():
        if "require_mfa" in tenant.settings:
            tenant.require_mfa = tenant.settings.pop("require_mfa") is True
            tenant.save(update_fields=["require_mfa", "settings"])


def to_settings(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    for tenant in apps.get_model("tenants", "Tenant").objects.filter(require_mfa=True):
        tenant.settings["require_mfa"] = True
        tenant.save(update_fields=["settings"])


class Migration(migrations.Migration):
    dependencies = [("tenants", "0018_key_cache")]

    operations = [
        migrations.AddField(
            model_name="tenant",
            name="require_mfa",
            field=models.BooleanField(
                default=False,
                help_text="Its members need an authenticator app or a passkey, also where the installation asks for none.",
                verbose_name="second factor",
            ),
        ),
        migrations.RunPython(to_column, to_settings),
    ]
