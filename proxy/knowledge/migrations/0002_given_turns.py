"""What turns of conversations were given, to give it to them again."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("knowledge", "0001_initial"),
        ("tenants", "0014_passages"),
    ]

    operations = [
        migrations.CreateModel(
            name="GivenTurn",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "digest",
                    models.CharField(
                        help_text="HMAC of what the turn says, with a key of the API key's own.", max_length=64
                    ),
                ),
                ("form", models.CharField(help_text="As what its passages were given.", max_length=16)),
                ("expires_at", models.DateTimeField()),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.tenant"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="GivenPassage",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("position", models.PositiveIntegerField()),
                ("source", models.TextField()),
                ("title", models.TextField()),
                ("text", models.TextField()),
                (
                    "document",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="knowledge.document"
                    ),
                ),
                (
                    "turn",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="passages", to="knowledge.giventurn"
                    ),
                ),
            ],
            options={
                "ordering": ["turn", "position"],
            },
        ),
        migrations.AddIndex(
            model_name="giventurn",
            index=models.Index(fields=["tenant", "expires_at"], name="given_turns_by_end"),
        ),
        migrations.AddConstraint(
            model_name="giventurn",
            constraint=models.UniqueConstraint(fields=("tenant", "digest"), name="one_memory_of_a_turn"),
        ),
    ]
