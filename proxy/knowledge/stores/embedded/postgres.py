"""Words by PostgreSQL's text search, weighed as BM25 does.

PostgreSQL ranks without knowing how rare a word is. What `ts_rank` says of a single word grows with its number of
occurrences and saturates, as BM25's own term does; rareness and the passage's length are added here.
"""

import math
from uuid import UUID

from django.db import connection

_MOST_TERMS = 16
_LENGTH_WEIGHT = 0.75
_SATURATION = 0.6


class Words:
    """The text search of PostgreSQL. The column `words` is made by a migration."""

    @staticmethod
    def add(index_number: int, entry_id: UUID) -> None:
        """Take in an entry's passages."""
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE knowledge_chunk SET words = to_tsvector('english', heading || ' ' || text) "
                "|| array_to_tsvector(ARRAY[%s]) WHERE entry_id = %s",
                [_mark(index_number), entry_id],
            )

    @staticmethod
    def remove(index_number: int, entry_id: UUID) -> None:
        """Nothing is left when the rows are gone."""

    @staticmethod
    def drop(index_number: int) -> None:
        """As above."""

    @staticmethod
    def tidy(index_number: int) -> None:
        """PostgreSQL does it by itself."""

    @staticmethod
    def search(index_number: int, text: str, limit: int | None) -> list[tuple[int, float]]:
        """(passage, score) of the passages with a word in common, the best first; None: all of them."""
        mark = _mark(index_number)
        with connection.cursor() as cursor:
            cursor.execute("SELECT lexeme FROM unnest(to_tsvector('english', %s))", [text])
            asked = [lexeme for (lexeme,) in cursor.fetchall()][:_MOST_TERMS]
            if not asked:
                return []
            total, length = _size(index_number)
            weights = _weights(mark, asked, total)
            if not weights:
                return []
            score = " + ".join(
                ["%s * ts_rank('{1,1,1,1}', words, %s::tsquery) / (ts_rank('{1,1,1,1}', words, %s::tsquery) + norm)"]
                * len(weights)
            )
            parameters: list[float | str | None] = []
            for term, weight in weights.items():
                parameters += [weight, _quoted(term), _quoted(term)]
            any_of = " | ".join(map(_quoted, weights))
            cursor.execute(
                f"SELECT id, {score} AS score FROM (SELECT id, words, "  # noqa: S608 - only its length varies
                "%s + %s * length(words) AS norm FROM knowledge_chunk WHERE words @@ %s::tsquery) AS found "
                "ORDER BY score DESC LIMIT %s",
                [
                    *parameters,
                    _SATURATION * (1 - _LENGTH_WEIGHT),
                    _SATURATION * _LENGTH_WEIGHT / length,
                    f"{_quoted(mark)} & ({any_of})",
                    limit,
                ],
            )
            return [(int(pk), float(value)) for pk, value in cursor.fetchall()]


def _size(index_number: int) -> tuple[int, float]:
    """How many passages the index has, and how many words one of them has, about."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(chunk_count), 0), coalesce(sum(characters), 0) "
            "FROM knowledge_entry WHERE index_id = %s",
            [index_number],
        )
        total, characters = cursor.fetchone()
    return int(total), max(1.0, float(characters) / max(1, int(total)) / 10)


def _weights(mark: str, asked: list[str], total: int) -> dict[str, float]:
    """How telling each word is; those that nothing holds are left out."""
    found = {}
    with connection.cursor() as cursor:
        for term in asked:
            cursor.execute(
                "SELECT count(*) FROM knowledge_chunk WHERE words @@ %s::tsquery",
                [f"{_quoted(mark)} & {_quoted(term)}"],
            )
            (holding,) = cursor.fetchone()
            if holding:
                found[term] = math.log(1 + (total - holding + 0.5) / (holding + 0.5)) if total > holding else 0.01
    return found


def _mark(index_number: int) -> str:
    """A word that no text holds, which keeps one index's passages apart from all others'."""
    return f"@index:{int(index_number)}"


def _quoted(term: str) -> str:
    return "'" + term.replace("\\", "\\\\").replace("'", "''") + "'"
