"""The journal takes a line in one piece or says so, and is one process's own."""

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import orjson
import pytest

from proxy.ledger import journal as journals
from proxy.ledger.journal import CLOSE, OPEN, PROGRESS, Journal, JournalClosed


def lines(folder, name):
    return [
        orjson.loads(line)
        for path in journals.segments(folder, name)
        for line in path.read_bytes().splitlines()
        if line.startswith(b"{") and line.endswith(b"}")
    ]


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """A disk that is full: the kernel cuts the write that crosses the limit, and refuses the next."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("fsync", [False, True])
def test_a_line_is_in_the_file_when_append_returns(new_journal, folder, fsync):
    journal = new_journal(fsync=fsync)
    journal.append(OPEN, {"id": "a", "model": "m"})
    assert lines(folder, journal.name) == [{"kind": "open", "id": "a", "model": "m"}]


def test_its_files_are_its_owners_alone(journal, folder):
    assert folder.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in folder.iterdir())


def test_a_full_segment_is_followed_by_another(new_journal, folder):
    journal = new_journal(segment_bytes=100)
    for number in range(12):
        journal.append(PROGRESS, {"id": str(number), "filling": "x" * 30})
    assert len(journals.segments(folder, journal.name)) > 3
    assert [line["id"] for line in lines(folder, journal.name)] == [str(number) for number in range(12)]


def test_a_living_journal_cannot_be_claimed_and_a_dead_one_once(new_journal, folder):
    journal = new_journal()
    with journals.claimed(folder, journal.name) as is_ours:
        assert not is_ours
    journal.leave()
    with journals.claimed(folder, journal.name) as is_ours, journals.claimed(folder, journal.name) as again:
        assert is_ours and not again


def test_a_journal_that_was_removed_meanwhile_cannot_be_claimed(new_journal, folder):
    journal = new_journal()
    journal.leave()
    lock = (folder / f"{journal.name}.lock").open()
    journals.remove(folder, journal.name)
    with lock, journals.claimed(folder, journal.name) as is_ours:
        assert not is_ours


def test_two_journals_of_one_process_do_not_meet(new_journal, folder):
    first, second = new_journal(), new_journal()
    first.append(OPEN, {"id": "a"})
    second.append(OPEN, {"id": "b"})
    assert [line["id"] for line in lines(folder, first.name)] == ["a"]
    assert journals.names(folder) == sorted([first.name, second.name])


def test_a_full_disk_refuses_new_calls_and_keeps_the_ends_of_running_ones(journal, folder):
    journal.append(OPEN, {"id": "a"})
    with files_limited_to(os.path.getsize(journals.segments(folder, journal.name)[0]) + 10):
        with pytest.raises(OSError):
            journal.append(OPEN, {"id": "b"})
        journal.close_call({"id": "a"})
        assert not journal.is_idle
    journal.pay()
    assert journal.is_idle
    assert lines(folder, journal.name) == [{"kind": OPEN, "id": "a"}, {"kind": CLOSE, "id": "a"}]


def test_what_was_owed_is_written_before_what_comes_next(journal, folder):
    journal.append(OPEN, {"id": "a"})
    with files_limited_to(1):
        journal.close_call({"id": "a"})
    journal.append(OPEN, {"id": "b"})
    assert [(line["kind"], line["id"]) for line in lines(folder, journal.name)] == [
        (OPEN, "a"),
        (CLOSE, "a"),
        (OPEN, "b"),
    ]


def test_a_journal_is_idle_when_every_call_is_closed(journal):
    journal.append(OPEN, {"id": "a"})
    journal.close_call({"id": "refused-before"})
    assert not journal.is_idle
    journal.close_call({"id": "a"})
    assert journal.is_idle


def test_a_discarded_journal_leaves_nothing_and_takes_nothing(new_journal, folder):
    journal = new_journal()
    journal.append(PROGRESS, {"id": "a"})
    journal.discard()
    assert list(folder.iterdir()) == []
    with pytest.raises(JournalClosed):
        journal.append(OPEN, {"id": "b"})
    journal.close_call({"id": "c"})
    assert list(folder.iterdir()) == []


def test_the_host_name_cannot_lead_out_of_the_folder(folder, monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "../../etc/*" + "x" * 300)
    journal = Journal.open(folder)
    assert (folder / f"{journal.name}.lock").exists() and len(journal.name) <= 64
    journal.discard()
