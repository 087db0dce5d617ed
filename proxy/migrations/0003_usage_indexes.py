from django.db import migrations, models


def index(name: str, *fields: str) -> migrations.AddIndex:
    return migrations.AddIndex("usagerecord", models.Index(fields=list(fields), name=name))


class Migration(migrations.Migration):
    dependencies = [("proxy", "0002_prices")]

    operations = [
        index("usage_by_state", "tenant_id", "state", "-started_at"),
        index("usage_by_model", "tenant_id", "model_asked", "-started_at"),
        index("usage_by_upstream", "upstream_id", "-started_at"),
        index("usage_by_session", "session_id", "-started_at"),
        index("usage_by_agent", "agent_id", "-started_at"),
        index("usage_by_end", "-ended_at", "id"),
        index("usage_by_upstream_request", "upstream_request_id"),
    ]
