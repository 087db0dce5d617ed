"""What of a document may be kept, and what of it an embedding model may see."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from proxy.knowledge import scrubbing
from proxy.knowledge.models import Index
from proxy.knowledge.parsing import Chunk, Unreadable
from proxy.knowledge.scrubbing import Blocked
from tenants.models import Collection
from tenants.models.collections import BUILT_IN


async def kept(index: Index, chunks: Sequence[Chunk]) -> list[Chunk]:
    """The passages as they are kept. Raises Unreadable, ScrubbingDown."""
    if index.personal_data != Collection.PersonalData.SCRUB:
        return list(chunks)
    texts = await _scrubbed(index.tenant_id, [text for chunk in chunks for text in (chunk.heading, chunk.text)])
    return [
        replace(chunk, heading=heading, text=text)
        for chunk, heading, text in zip(chunks, texts[::2], texts[1::2], strict=True)
    ]


async def title(index: Index, text: str) -> str:
    """A title that stands in the document, as it is kept. Raises Unreadable, ScrubbingDown."""
    is_scrubbed = index.personal_data == Collection.PersonalData.SCRUB
    return (await _scrubbed(index.tenant_id, [text]))[0] if text and is_scrubbed else text


async def sent(index: Index, texts: Sequence[str]) -> list[str]:
    """The texts as the index's embedding model sees them. Raises Unreadable, ScrubbingDown."""
    return list(texts) if index.embedding == BUILT_IN else await _scrubbed(index.tenant_id, texts)


async def _scrubbed(tenant_id: UUID, texts: Sequence[str]) -> list[str]:
    try:
        return await scrubbing.scrubbed(tenant_id, texts)
    except Blocked as blocked:
        raise Unreadable(
            f"The document holds personal data that your organisation does not let out ({blocked}). Take it out of "
            "the document; or let the collection keep personal data and use the built-in embedding model."
        ) from None
