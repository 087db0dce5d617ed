"""What is kept of documents. What a search may see is decided here, whatever store holds the passages."""

import uuid

from django.db import models

from tenants.models import Collection, Tenant


class Index(models.Model):
    """One way in which a collection's documents are cut and embedded, with the passages made so."""

    class State(models.TextChoices):
        BUILDING = "building"
        SERVING = "serving"

    class Store(models.TextChoices):
        EMBEDDED = "embedded"
        WEAVIATE = "weaviate"

    id = models.BigAutoField(primary_key=True)
    tenant_id = models.UUIDField(editable=False)
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="indexes")
    state = models.CharField(max_length=16, choices=State.choices, default=State.SERVING)
    store = models.CharField(max_length=16, choices=Store.choices)
    embedding = models.CharField(max_length=250, help_text="As the collection names it.")
    model = models.CharField(max_length=250, blank=True, help_text="What its vectors are of.")
    dimensions = models.PositiveIntegerField(default=0, help_text="Of its vectors; 0 before the first.")
    chunk_tokens = models.PositiveIntegerField()
    chunk_overlap = models.PositiveIntegerField()
    personal_data = models.CharField(
        max_length=8, choices=Collection.PersonalData.choices, default=Collection.PersonalData.KEEP
    )
    version = models.BigIntegerField(default=1, help_text="Goes up whenever a search would see something else.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["collection", "id"]
        verbose_name_plural = "indexes"
        constraints = [
            models.UniqueConstraint(fields=["collection", "state"], name="one_index_of_a_collection_in_each_state")
        ]

    def __str__(self) -> str:
        return f"{self.collection} ({self.embedding}, {self.state})"


class Document(models.Model):
    """A file that was loaded, and how far it has come."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        PARSING = "parsing"
        CHUNKING = "chunking"
        EMBEDDING = "embedding"
        INDEXED = "indexed"
        FAILED = "failed"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant_id = models.UUIDField(editable=False)
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="documents")
    name = models.CharField(max_length=300, help_text="The file's name; its identity in the collection.")
    title = models.CharField(max_length=300, blank=True)
    tags = models.JSONField(default=list, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    path = models.CharField(max_length=200, editable=False, help_text="Of the file, in the documents' folder.")
    size = models.BigIntegerField(default=0, help_text="In bytes.")
    checksum = models.CharField(max_length=64, editable=False, help_text="SHA-256 of the file.")
    revision = models.PositiveIntegerField(default=1, help_text="Goes up with each other file.")
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.QUEUED)
    reason = models.CharField(max_length=500, blank=True, help_text="Why it failed, for people.")
    progress = models.PositiveSmallIntegerField(default=0, help_text="Of its embedding, in percent.")
    attempts = models.PositiveSmallIntegerField(default=0)
    claim = models.CharField(max_length=32, blank=True, editable=False, help_text="Of the worker that has it.")
    claimed_until = models.DateTimeField(null=True, editable=False)
    queued_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    indexed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["collection", "name"]
        constraints = [
            models.UniqueConstraint(fields=["collection", "name"], name="document_names_are_unique_in_a_collection")
        ]
        indexes = [
            models.Index(fields=["status", "tenant_id", "queued_at"], name="documents_by_status"),
            models.Index(fields=["tenant_id", "-created_at"], name="documents_by_tenant"),
            models.Index(fields=["collection", "status"], name="documents_by_state"),
            models.Index(fields=["collection", "-queued_at"], name="documents_by_turn"),
        ]

    def __str__(self) -> str:
        return f"{self.collection}/{self.name}"

    WAITING = (Status.QUEUED,)
    RUNNING = (Status.PARSING, Status.CHUNKING, Status.EMBEDDING)
    DONE = (Status.INDEXED, Status.FAILED, Status.CANCELLED)


class Entry(models.Model):
    """One revision of a document in an index. A passage is seen by searches as long as its entry is here."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    index = models.ForeignKey(Index, on_delete=models.CASCADE, related_name="entries")
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="entries")
    revision = models.PositiveIntegerField()
    pages = models.PositiveIntegerField(null=True)
    characters = models.PositiveIntegerField()
    chunk_count = models.PositiveIntegerField()
    suspicious_count = models.PositiveIntegerField(default=0, help_text="Of its passages, those that read like orders.")

    class Meta:
        verbose_name_plural = "entries"
        constraints = [models.UniqueConstraint(fields=["index", "document"], name="one_entry_of_a_document_and_index")]

    def __str__(self) -> str:
        return f"{self.document} in {self.index_id}"


class Chunk(models.Model):
    """A passage, where the database is the store."""

    id = models.BigAutoField(primary_key=True)
    entry = models.ForeignKey(Entry, on_delete=models.CASCADE, related_name="chunks")
    ordinal = models.PositiveIntegerField()
    text = models.TextField()
    heading = models.TextField(blank=True)
    page = models.PositiveIntegerField(null=True)
    is_suspicious = models.BooleanField(default=False, help_text="Whether it reads like orders to a model.")
    vector = models.BinaryField(help_text="float16, of length 1, little-endian.")

    class Meta:
        ordering = ["entry", "ordinal"]

    def __str__(self) -> str:
        return f"{self.entry_id}[{self.ordinal}]"


class Removal(models.Model):
    """What is still to be removed outside of the database, because its rows are gone."""

    id = models.BigAutoField(primary_key=True)
    tenant_id = models.UUIDField()
    index_number = models.BigIntegerField(null=True, help_text="Of an index in Weaviate.")
    entry_id = models.UUIDField(null=True, help_text="Only this entry of it.")
    path = models.CharField(max_length=200, blank=True, help_text="A file or a folder of the documents' folder.")
    due_at = models.DateTimeField(help_text="Not before.")

    def __str__(self) -> str:
        return f"{self.tenant_id} {self.path or self.entry_id or self.index_number or 'all'}"


class GivenTurn(models.Model):
    """A turn of a conversation that passages were looked up for; known again by a keyed hash, never by its words."""

    id = models.BigAutoField(primary_key=True)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64, help_text="HMAC of what the turn says, with a key of the API key's own.")
    form = models.CharField(max_length=16, help_text="As what its passages were given.")
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "digest"], name="one_memory_of_a_turn")]
        indexes = [models.Index(fields=["expires_at"], name="given_turns_expiring")]

    def __str__(self) -> str:
        return f"{self.tenant_id} {self.digest[:8]}"


class GivenPassage(models.Model):
    """A passage as a turn was given it. It goes with its document."""

    id = models.BigAutoField(primary_key=True)
    turn = models.ForeignKey(GivenTurn, on_delete=models.CASCADE, related_name="passages")
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="+")
    position = models.PositiveIntegerField()
    source = models.TextField()
    title = models.TextField()
    text = models.TextField()

    class Meta:
        ordering = ["turn", "position"]

    def __str__(self) -> str:
        return f"{self.turn_id}[{self.position}]"


class DocumentUse(models.Model):
    """A request that was given passages of a document. It goes with its document."""

    id = models.BigAutoField(primary_key=True)
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="uses")
    request_id = models.CharField(max_length=40, help_text="Of the usage record.")
    used_at = models.DateTimeField()
    passages = models.PositiveIntegerField(help_text="How many the request was given.")
    citations = models.PositiveIntegerField(default=0, help_text="How many the answer holds.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["document", "request_id"], name="one_use_of_a_document")]
        indexes = [
            models.Index(fields=["document", "-used_at"], name="document_uses_latest"),
            models.Index(fields=["used_at"], name="document_uses_oldest"),
        ]

    def __str__(self) -> str:
        return f"{self.document_id} in {self.request_id}"
