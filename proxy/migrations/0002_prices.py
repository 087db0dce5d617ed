"""Anthropic's price list as it stood on 2026-11-24, each row with where it comes from.

PAGE is what https://platform.claude.com/docs/en/about-claude/pricing and the models' own pages below
https://platform.claude.com/docs/en/models/ said; each was read in a stored copy, whose date is given, and compared
with one independent list. Cache writes cost 1.25 (five minutes) and 2 (an hour) times the input, cache reads 0.1 times
unless the row says otherwise.
"""

from datetime import UTC, datetime
from decimal import Decimal

from django.db import migrations

# Long before any call: a wrong clock must not make a known model unknown.
ALWAYS = datetime(2020, 1, 1, tzinfo=UTC)
PAGE = "platform.claude.com/docs/en/about-claude/pricing"

# (model, prompt above, input, output, cache write 5 m, 1 h, cache read, source)
ROWS = [
    ("claude-fable-5-2", 0, "8", "40", "10", "16", "0.2",
     "Released 2026-11-09. Input and output: platform.claude.com model tables, 2026-11. Cache: two independent lists, "
     "2026-11; not seen on the price page itself."),
    ("claude-mythos-5-2", 0, "8", "40", "10", "16", "0.2",
     "Announced on 2026-11-09 at the price of Fable 5.2 (one independent report); not seen on the price page itself."),
    ("claude-fable-5-1", 0, "10", "50", "12.5", "20", "0.25", f"{PAGE}, 2026-09; cache read 0.025 times the input."),
    ("claude-mythos-5-1", 0, "10", "50", "12.5", "20", "0.25", f"{PAGE}, 2026-09; cache read 0.025 times the input."),
    ("claude-fable-5", 0, "10", "50", "12.5", "20", "1", f"{PAGE}, 2026-09."),
    ("claude-mythos-5", 0, "10", "50", "12.5", "20", "1", f"{PAGE}, 2026-09."),
    ("claude-opus-5-5", 0, "4", "20", "5", "8", "0.2",
     "platform.claude.com/docs/en/models/opus-5-5/overview, 2026-09; cache read 0.05 times the input."),
    ("claude-opus-5", 0, "5", "25", "6.25", "10", "0.5", f"{PAGE}, 2026-09."),
    ("claude-opus-4-8", 0, "5", "25", "6.25", "10", "0.5", f"{PAGE}, 2026-09."),
    ("claude-opus-4-7", 0, "5", "25", "6.25", "10", "0.5", f"{PAGE}, 2026-09."),
    ("claude-opus-4-6", 0, "5", "25", "6.25", "10", "0.5", f"{PAGE}, 2026-09."),
    ("claude-opus-4-5", 0, "5", "25", "6.25", "10", "0.5", f"{PAGE}, 2026-09."),
    ("claude-opus-4-1", 0, "15", "75", "18.75", "30", "1.5", f"{PAGE}, 2026-09; retired at Anthropic."),
    ("claude-opus-4-0", 0, "15", "75", "18.75", "30", "1.5", f"{PAGE}, 2026-09; alias of claude-opus-4."),
    ("claude-opus-4", 0, "15", "75", "18.75", "30", "1.5", f"{PAGE}, 2026-09; retired at Anthropic."),
    ("claude-sonnet-5-5", 0, "2", "10", "2.5", "4", "0.1",
     "platform.claude.com/docs/en/models/sonnet-5-5/overview, 2026-09; cache read cut from 0.2 on 2026-10-07 (two "
     "independent change logs)."),
    ("claude-sonnet-5", 0, "2", "10", "2.5", "4", "0.2",
     "platform.claude.com/docs/en/models/sonnet-5/overview, 2026-09; the rise to 3 and 15 was cancelled."),
    ("claude-sonnet-4-6", 0, "3", "15", "3.75", "6", "0.3", f"{PAGE}, 2026-09; one price up to 1M tokens."),
    ("claude-sonnet-4-5", 0, "3", "15", "3.75", "6", "0.3",
     f"{PAGE}, 2026-09; the tier above 200k tokens ended with its beta on 2026-04-30."),
    ("claude-sonnet-4-0", 0, "3", "15", "3.75", "6", "0.3", f"{PAGE}, 2026-09; alias of claude-sonnet-4."),
    ("claude-sonnet-4", 0, "3", "15", "3.75", "6", "0.3", f"{PAGE}, 2026-09; retired at Anthropic."),
    ("claude-3-7-sonnet", 0, "3", "15", "3.75", "6", "0.3", "Last published price, no longer on the page."),
    ("claude-3-5-sonnet", 0, "3", "15", "3.75", "6", "0.3", "Last published price, no longer on the page."),
    ("claude-haiku-5-5", 0, "0.1", "0.5", "0.125", "0.2", "0.01",
     "platform.claude.com/docs/en/models/haiku-5-5/overview, 2026-10; prompts up to 100,000 tokens."),
    ("claude-haiku-5-5", 100_000, "0.5", "2.5", "0.625", "1", "0.05",
     "platform.claude.com/docs/en/models/haiku-5-5/overview, 2026-10; prompts above 100,000 tokens, every token of them."),
    ("claude-haiku-4-5", 0, "1", "5", "1.25", "2", "0.1", f"{PAGE}, 2026-09."),
    ("claude-3-5-haiku", 0, "0.8", "4", "1", "1.6", "0.08", f"{PAGE}, 2026-09; retired at Anthropic."),
    ("claude-3-opus", 0, "15", "75", "18.75", "30", "1.5", "Last published price, no longer on the page."),
    ("claude-3-haiku", 0, "0.25", "1.25", "0.3", "0.5", "0.03",
     "Last published price, no longer on the page; the write for an hour is twice the input and not verified."),
    ("*", 0, "5", "25", "6.25", "10", "0.5",
     "The default tier: Anthropic's own gateway counts models it does not know as Opus."),
]  # fmt: skip


def ship(apps, _schema_editor):
    price = apps.get_model("proxy", "Price")
    price.objects.bulk_create(
        price(
            model_glob=glob,
            effective_from=ALWAYS,
            above_input_tokens=above,
            input_usd=Decimal(input_usd),
            output_usd=Decimal(output_usd),
            cache_write_5m_usd=Decimal(write_5m),
            cache_write_1h_usd=Decimal(write_1h),
            cache_read_usd=Decimal(read),
            source=source,
        )
        for glob, above, input_usd, output_usd, write_5m, write_1h, read, source in ROWS
    )


class Migration(migrations.Migration):
    dependencies = [("proxy", "0001_initial")]

    operations = [migrations.RunPython(ship, migrations.RunPython.noop)]
