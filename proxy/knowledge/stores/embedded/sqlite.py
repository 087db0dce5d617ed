"""Words by SQLite's FTS5: an index of each collection's own, so that no other's words weigh in its ranking."""

from uuid import UUID

from django.db import connection

from proxy.knowledge import words

_MOST_TERMS = 32
_MOST_ROWS = 6000


def terms(text: str) -> list[str]:
    """The words of a question, each once, the rare ones only where there are any."""
    found = list(dict.fromkeys(words.of(text)))
    telling = [word for word in found if word not in words.FUNCTION_WORDS]
    return (telling or found)[:_MOST_TERMS]


class Words:
    """The text search of SQLite."""

    @staticmethod
    def add(index_number: int, entry_id: UUID) -> None:
        """Take in an entry's passages."""
        table = _table(index_number)
        with connection.cursor() as cursor:
            cursor.execute(
                f"CREATE VIRTUAL TABLE IF NOT EXISTS {table} USING fts5(text, heading, "
                "content='knowledge_chunk', content_rowid='id', tokenize='porter unicode61 remove_diacritics 2')"
            )
            cursor.execute(
                f"INSERT INTO {table}(rowid, text, heading) "  # noqa: S608 - the name is made of a number
                "SELECT id, text, heading FROM knowledge_chunk WHERE entry_id = %s ORDER BY id",
                [entry_id.hex],
            )

    @staticmethod
    def remove(index_number: int, entry_id: UUID) -> None:
        """Take out an entry's passages, while their rows are still there."""
        table = _table(index_number)
        if not _exists(table):
            return
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table}({table}, rowid, text, heading) "  # noqa: S608 - as above
                "SELECT 'delete', id, text, heading FROM knowledge_chunk WHERE entry_id = %s",
                [entry_id.hex],
            )

    @staticmethod
    def drop(index_number: int) -> None:
        """Forget an index."""
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {_table(index_number)}")

    @staticmethod
    def search(index_number: int, text: str, limit: int | None) -> list[tuple[int, float]]:
        """(passage, score) of the passages with a word in common, the best first; None: all of them."""
        table = _table(index_number)
        if not _exists(table):
            return []  # nothing was taken in yet
        asked = " OR ".join(map(_quoted, _telling(table, terms(text))))
        if not asked:
            return []
        query = f"SELECT rowid, -rank FROM {table} WHERE {table} MATCH %s ORDER BY rank LIMIT %s"  # noqa: S608 - as above
        with connection.cursor() as cursor:
            cursor.execute(query, [asked, -1 if limit is None else limit])
            return [(int(pk), float(score)) for pk, score in cursor.fetchall()]

    @staticmethod
    def tidy(index_number: int) -> None:
        """Write the index anew, without the words of what was taken out."""
        table = _table(index_number)
        if _exists(table):
            with connection.cursor() as cursor:
                cursor.execute(f"INSERT INTO {table}({table}) VALUES ('optimize')")  # noqa: S608 - as above


def _telling(table: str, asked: list[str]) -> list[str]:
    """The rarest of the words, as many as can be ranked in a few milliseconds: what is in every third passage tells
    little, and ranking by it would take most of a search's time. In a small collection these are all."""
    counted = []
    query = f"SELECT count(*) FROM (SELECT 1 FROM {table} WHERE {table} MATCH %s LIMIT {_MOST_ROWS})"  # noqa: S608 - as above
    with connection.cursor() as cursor:
        for word in asked:
            cursor.execute(query, [_quoted(word)])
            counted.append((int(cursor.fetchone()[0]), word))
    kept: list[str] = []
    left = _MOST_ROWS
    for count, word in sorted(counted):
        if count and (count <= left or not kept):
            kept.append(word)
            left -= count
    return kept


def _quoted(word: str) -> str:
    return f'"{word}"'


def _table(index_number: int) -> str:
    return f"knowledge_words_{int(index_number)}"


def _exists(table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = %s", [table])
        return cursor.fetchone() is not None
