"""Adds up the usage records that there are. `manage.py rollups` compares."""

from django.db import migrations

HOUR = {
    "postgresql": "DATE_TRUNC('hour', started_at, 'UTC')",
    "sqlite": "SUBSTR(started_at, 1, 13) || ':00:00'",
}
USAGE = """
INSERT INTO proxy_hourlyusage (
    tenant_id, hour, key_id, model_asked, upstream_id, state, status, error_type,
    tenant_slug, key_name, upstream_name,
    calls, asked, input_tokens, output_tokens, cache_write_tokens, cache_read_tokens, cost_nano_usd,
    first_byte_us, first_byte_calls
)
SELECT
    tenant_id, {hour}, key_id, model_asked, COALESCE(upstream_id, '00000000000000000000000000000000'), state,
    COALESCE(status, 0), error_type,
    MAX(tenant_slug), MAX(key_name), MAX(upstream_name),
    COUNT(*), SUM(CASE WHEN endpoint = 'messages' AND upstream_id IS NOT NULL THEN 1 ELSE 0 END),
    SUM(input_tokens), SUM(output_tokens), SUM(cache_write_5m_tokens + cache_write_1h_tokens), SUM(cache_read_tokens),
    SUM(cost_nano_usd), SUM(COALESCE(first_byte_us, 0)), COUNT(first_byte_us)
FROM proxy_usagerecord WHERE state <> 'started' GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
"""
CLIENT = """
INSERT INTO proxy_hourlyclient (
    tenant_id, hour, key_id, session_id, agent_id, user_agent,
    calls, failed, input_tokens, output_tokens, cache_write_tokens, cache_read_tokens, cost_nano_usd
)
SELECT
    tenant_id, {hour}, key_id, session_id, agent_id, user_agent,
    COUNT(*), SUM(CASE WHEN state IN ('refused', 'failed', 'cancelled', 'interrupted') THEN 1 ELSE 0 END),
    SUM(input_tokens), SUM(output_tokens), SUM(cache_write_5m_tokens + cache_write_1h_tokens), SUM(cache_read_tokens),
    SUM(cost_nano_usd)
FROM proxy_usagerecord WHERE state NOT IN ('started', 'dry_run') GROUP BY 1, 2, 3, 4, 5, 6
"""
# Buckets grow by an eighth of an octave: ln(2) / 8.
LATENCY = """
INSERT INTO proxy_hourlylatency (tenant_id, hour, measure, bucket, calls)
SELECT
    tenant_id, {hour}, CAST('{measure}' AS VARCHAR(16)),
    CASE WHEN {measure}_us > 0
        THEN CAST(FLOOR(LN(CAST({measure}_us AS DOUBLE PRECISION)) / 0.08664339756999316) AS INTEGER) ELSE 0 END,
    COUNT(*)
FROM proxy_usagerecord WHERE state = 'completed' AND {measure}_us IS NOT NULL GROUP BY 1, 2, 3, 4
"""


def fill(_apps, schema_editor):
    hour = HOUR[schema_editor.connection.vendor]
    for statement in (USAGE, CLIENT):
        schema_editor.execute(statement.format(hour=hour), params=None)
    for measure in ("total", "first_byte"):
        schema_editor.execute(LATENCY.format(hour=hour, measure=measure), params=None)


class Migration(migrations.Migration):
    dependencies = [("proxy", "0005_hourly_rollups")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
