# Documents, their passages, and what is still to be removed of those that are gone.

import django.db.models.deletion
import uuid
from django.db import migrations, models


def add_words(apps, schema_editor):
    """What PostgreSQL searches words in. SQLite keeps them in tables of their own, one for each index."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE knowledge_chunk ADD COLUMN words tsvector")
        schema_editor.execute("CREATE INDEX knowledge_chunk_words ON knowledge_chunk USING gin (words)")


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('tenants', '0007_collections'),
    ]

    operations = [
        migrations.CreateModel(
            name='Removal',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField()),
                ('index_number', models.BigIntegerField(help_text='Of an index in Weaviate.', null=True)),
                ('entry_id', models.UUIDField(help_text='Only this entry of it.', null=True)),
                ('path', models.CharField(blank=True, help_text="A file or a folder of the documents' folder.", max_length=200)),
                ('due_at', models.DateTimeField(help_text='Not before.')),
            ],
        ),
        migrations.CreateModel(
            name='Document',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('name', models.CharField(help_text="The file's name; its identity in the collection.", max_length=300)),
                ('title', models.CharField(blank=True, max_length=300)),
                ('tags', models.JSONField(blank=True, default=list)),
                ('metadata', models.JSONField(blank=True, default=dict)),
                ('path', models.CharField(editable=False, help_text="Of the file, in the documents' folder.", max_length=200)),
                ('size', models.BigIntegerField(default=0, help_text='In bytes.')),
                ('checksum', models.CharField(editable=False, help_text='SHA-256 of the file.', max_length=64)),
                ('revision', models.PositiveIntegerField(default=1, help_text='Goes up with each other file.')),
                ('status', models.CharField(choices=[('queued', 'Queued'), ('parsing', 'Parsing'), ('chunking', 'Chunking'), ('embedding', 'Embedding'), ('indexed', 'Indexed'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='queued', max_length=16)),
                ('reason', models.CharField(blank=True, help_text='Why it failed, for people.', max_length=500)),
                ('progress', models.PositiveSmallIntegerField(default=0, help_text='Of its embedding, in percent.')),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('claim', models.CharField(blank=True, editable=False, help_text='Of the worker that has it.', max_length=32)),
                ('claimed_until', models.DateTimeField(editable=False, null=True)),
                ('queued_at', models.DateTimeField()),
                ('started_at', models.DateTimeField(null=True)),
                ('indexed_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('collection', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='documents', to='tenants.collection')),
            ],
            options={
                'ordering': ['collection', 'name'],
            },
        ),
        migrations.CreateModel(
            name='Entry',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('revision', models.PositiveIntegerField()),
                ('pages', models.PositiveIntegerField(null=True)),
                ('characters', models.PositiveIntegerField()),
                ('chunk_count', models.PositiveIntegerField()),
                ('document', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='entries', to='knowledge.document')),
            ],
            options={
                'verbose_name_plural': 'entries',
            },
        ),
        migrations.CreateModel(
            name='Chunk',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('ordinal', models.PositiveIntegerField()),
                ('text', models.TextField()),
                ('heading', models.TextField(blank=True)),
                ('page', models.PositiveIntegerField(null=True)),
                ('vector', models.BinaryField(help_text='float16, of length 1, little-endian.')),
                ('entry', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='chunks', to='knowledge.entry')),
            ],
            options={
                'ordering': ['entry', 'ordinal'],
            },
        ),
        migrations.CreateModel(
            name='Index',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(editable=False)),
                ('state', models.CharField(choices=[('building', 'Building'), ('serving', 'Serving')], default='serving', max_length=16)),
                ('store', models.CharField(choices=[('embedded', 'Embedded'), ('weaviate', 'Weaviate')], max_length=16)),
                ('embedding', models.CharField(help_text='As the collection names it.', max_length=250)),
                ('model', models.CharField(blank=True, help_text='What its vectors are of.', max_length=250)),
                ('dimensions', models.PositiveIntegerField(default=0, help_text='Of its vectors; 0 before the first.')),
                ('chunk_tokens', models.PositiveIntegerField()),
                ('chunk_overlap', models.PositiveIntegerField()),
                ('version', models.BigIntegerField(default=1, help_text='Goes up whenever a search would see something else.')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('collection', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='indexes', to='tenants.collection')),
            ],
            options={
                'verbose_name_plural': 'indexes',
                'ordering': ['collection', 'id'],
            },
        ),
        migrations.AddField(
            model_name='entry',
            name='index',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='entries', to='knowledge.index'),
        ),
        migrations.AddIndex(
            model_name='document',
            index=models.Index(fields=['status', 'tenant_id', 'queued_at'], name='documents_by_status'),
        ),
        migrations.AddIndex(
            model_name='document',
            index=models.Index(fields=['tenant_id', '-created_at'], name='documents_by_tenant'),
        ),
        migrations.AddConstraint(
            model_name='document',
            constraint=models.UniqueConstraint(fields=('collection', 'name'), name='document_names_are_unique_in_a_collection'),
        ),
        migrations.AddConstraint(
            model_name='index',
            constraint=models.UniqueConstraint(fields=('collection', 'state'), name='one_index_of_a_collection_in_each_state'),
        ),
        migrations.AddConstraint(
            model_name='entry',
            constraint=models.UniqueConstraint(fields=('index', 'document'), name='one_entry_of_a_document_and_index'),
        ),
        migrations.RunPython(add_words, migrations.RunPython.noop),
    ]
