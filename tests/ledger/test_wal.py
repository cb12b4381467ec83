"""The journal: what was appended is there after a death, up to the first byte that never arrived."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.ledger import wal as journal
from gateway.ledger.wal import MAGIC, Journal

RECORDS = [b"first", b"the second record", b"3"]
FRAME = 8


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "SEGMENT", 4096)


def died(folder: Path, records: list[bytes]) -> list[Path]:
    """Leaves a journal behind as SIGKILL would; returns its segments."""
    before = set(folder.glob("*.journal"))
    writer = Journal(folder)
    for record in records:
        writer.append(record)
    return sorted(set(folder.glob("*.journal")) - before)


def recovered(folder: Path) -> list[bytes]:
    return list(Journal(folder).recover())


def test_what_was_appended_is_recovered_in_order(tmp_path: Path) -> None:
    died(tmp_path, RECORDS)

    assert recovered(tmp_path) == RECORDS


def test_a_new_journal_has_nothing_to_recover(tmp_path: Path) -> None:
    assert recovered(tmp_path / "new") == []


def test_records_go_on_in_the_next_segment_when_one_is_full(tmp_path: Path) -> None:
    records = [b"%04d" % n * 100 for n in range(50)]

    segments = died(tmp_path, records)

    assert len(segments) > 4
    assert {segment.stat().st_size for segment in segments} == {4096}
    assert recovered(tmp_path) == records


def test_a_record_that_just_fits_does_and_one_more_byte_is_refused(tmp_path: Path) -> None:
    largest = 4096 - len(MAGIC) - FRAME - 4
    writer = Journal(tmp_path)

    writer.append(b"x" * largest)
    with pytest.raises(ValueError, match="larger than a segment"):
        writer.append(b"x" * (largest + 1))
    writer.append(b"after")

    assert recovered(tmp_path) == [b"x" * largest, b"after"]


def test_trim_removes_finished_segments_without_pending_records_only(tmp_path: Path) -> None:
    writer = Journal(tmp_path)
    holders = [writer.append(b"%d" % n * 1500) for n in range(8)]
    for segment in holders[:2] + holders[4:]:
        segment.pending -= 1

    writer.trim()

    left = sorted(tmp_path.glob("*.journal"))
    assert left == sorted({holders[2].path, holders[-1].path})
    assert holders[0].path not in left


def test_close_leaves_a_segment_with_pending_records_for_the_next_start(tmp_path: Path) -> None:
    writer = Journal(tmp_path)
    writer.append(b"nobody has it yet")

    writer.close()

    assert recovered(tmp_path) == [b"nobody has it yet"]


def test_close_removes_what_nobody_needs(tmp_path: Path) -> None:
    writer = Journal(tmp_path)
    writer.append(b"safe").pending -= 1

    writer.close()

    assert list(tmp_path.glob("*.journal")) == []


def test_a_segment_cut_at_any_byte_gives_the_records_before_the_cut(tmp_path: Path) -> None:
    (segment,) = died(tmp_path, RECORDS)
    whole = segment.read_bytes()
    ends = list(itertools.accumulate((FRAME + len(record) for record in RECORDS), initial=len(MAGIC)))

    for cut in range(ends[-1] + 1):
        segment.write_bytes(whole[:cut])
        assert list(only(tmp_path, segment)) == RECORDS[: max(0, sum(end <= cut for end in ends) - 1)], cut


def test_a_record_of_which_only_a_part_arrived_is_no_record(tmp_path: Path) -> None:
    """The length is written last: a death before that leaves a length of zero."""
    (segment,) = died(tmp_path, RECORDS)
    data = bytearray(segment.read_bytes())
    data[len(MAGIC) + FRAME + 5 : len(MAGIC) + FRAME + 9] = bytes(4)
    segment.write_bytes(data)

    assert list(only(tmp_path, segment)) == RECORDS[:1]


def test_a_flipped_bit_anywhere_never_makes_up_a_record(tmp_path: Path) -> None:
    (segment,) = died(tmp_path, RECORDS)
    whole = segment.read_bytes()
    end = len(MAGIC) + sum(FRAME + len(record) for record in RECORDS)

    for at, bit in itertools.product(range(end), range(8)):
        flipped = bytearray(whole)
        flipped[at] ^= 1 << bit
        segment.write_bytes(flipped)
        found = list(only(tmp_path, segment))
        assert len(found) < len(RECORDS)
        assert set(found) <= set(RECORDS), (at, bit)


def test_records_after_a_damaged_payload_are_kept(tmp_path: Path) -> None:
    (segment,) = died(tmp_path, RECORDS)
    damaged = bytearray(segment.read_bytes())
    damaged[len(MAGIC) + FRAME + 2] ^= 1
    segment.write_bytes(damaged)

    assert list(only(tmp_path, segment)) == RECORDS[1:]


def test_a_foreign_file_is_left_out_and_does_not_hide_the_rest(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    died(tmp_path, RECORDS)
    (tmp_path / "000000000000.journal").write_bytes(b"somebody else's file" * 100)

    assert recovered(tmp_path) == RECORDS
    assert "000000000000.journal" in caplog.text


def test_a_damaged_segment_is_set_aside_and_a_sound_one_removed(tmp_path: Path) -> None:
    (damaged,) = died(tmp_path, RECORDS)
    damaged.write_bytes(damaged.read_bytes().replace(b"second", b"SECOND"))
    died(tmp_path, RECORDS)
    reader = Journal(tmp_path)

    list(reader.recover())
    reader.forget()
    reader.close()

    assert [path.name for path in tmp_path.iterdir()] == [damaged.with_suffix(".damaged").name]


def test_a_segment_that_was_never_begun_is_empty(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "000000000001.journal").write_bytes(bytes(4096))

    assert recovered(tmp_path) == []
    assert not caplog.records


def test_a_file_whose_name_is_not_a_number_does_not_stop_the_gateway(tmp_path: Path) -> None:
    died(tmp_path, RECORDS)
    (tmp_path / "copy of 000000000001.journal").write_bytes(b"x")

    assert recovered(tmp_path) == RECORDS


def test_two_crash_generations_are_recovered_in_order(tmp_path: Path) -> None:
    died(tmp_path, [b"1", b"2"])
    died(tmp_path, [b"3"])

    third = Journal(tmp_path)
    third.append(b"4")

    assert list(third.recover()) == [b"1", b"2", b"3"]
    third.forget()
    assert recovered(tmp_path) == [b"4"]


def test_forgetting_keeps_what_this_process_has_written(tmp_path: Path) -> None:
    died(tmp_path, [b"old"])
    writer = Journal(tmp_path)
    writer.append(b"new")

    writer.forget()

    assert list(writer.recover()) == []
    assert recovered(tmp_path) == [b"new"]


def only(folder: Path, segment: Path) -> Iterator[bytes]:
    """Recovers that segment, and leaves no segment of its own behind."""
    reader = Journal(folder)
    try:
        yield from reader.recover()
    finally:
        reader.close()
        assert segment.exists()
