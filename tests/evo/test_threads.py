import os
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from evo import machine, threads


def parts_of(total, grain=1):
    """What `each` calls its function with, in order, and the threads it ran on."""
    lock, parts, names = threading.Lock(), [], set()

    def function(start, stop):
        with lock:
            parts.append((start, stop))
            names.add(threading.current_thread().name)

    threads.each(function, total, grain)
    return sorted(parts), names


@given(st.integers(0, 100), st.integers(1, 40), st.integers(1, 5))
def test_parts_cover_the_range_once_in_multiples_of_the_grain(total, grain, count):
    with threads.limited(count):
        parts, _ = parts_of(total, grain)
    assert [number for start, stop in parts for number in range(start, stop)] == list(range(total))
    assert all(start % grain == 0 and stop > start for start, stop in parts)
    blocks = -(-total // grain)
    assert len(parts) == (min(count * threads.PARTS, blocks) if count > 1 else min(1, blocks))


def test_parts_run_side_by_side():
    barrier = threading.Barrier(3, timeout=30)
    with threads.limited(3):
        threads.each(lambda start, stop: barrier.wait(), 3)  # none returns before all three have begun


def test_a_thread_with_a_long_part_leaves_the_others_to_the_rest():
    others = threading.Event()
    seen = []

    def function(start, stop):
        if start == 0:
            assert others.wait(30)
        else:
            seen.append(start)
            if len(seen) == 2 * threads.PARTS - 1:
                others.set()

    with threads.limited(2):
        threads.each(function, 100)


def test_there_is_no_thread_more_than_are_used_at_once():
    for count in range(2, 6):
        with threads.limited(count):
            threads.each(lambda start, stop: None, 5)
    names = [thread.name for thread in threading.enumerate() if thread.name.startswith("evo_")]
    assert len(names) == len(set(names)) >= 4


def test_the_innermost_limit_holds_and_the_outer_comes_back():
    outside = threads.count()
    assert outside == machine.cores() >= 1
    with threads.limited(3):
        assert threads.count() == 3
        with threads.limited(1):
            assert threads.count() == 1
            assert len(parts_of(100)[0]) == 1
        assert threads.count() == 3
        assert len(parts_of(100)[0]) == 3 * threads.PARTS
    assert threads.count() == outside


def test_a_limit_below_one_is_one():
    with threads.limited(0):
        assert threads.count() == 1


@pytest.mark.parametrize("count", [1, 3])
def test_an_exception_in_a_part_passes_through_and_leaves_the_pool_usable(count):
    def function(start, stop):
        if stop == 6:
            raise KeyError("in the last part")

    with threads.limited(count):
        with pytest.raises(KeyError, match="in the last part"):
            threads.each(function, 6)
        assert [stop for _, stop in parts_of(6)[0]][-1] == 6


@pytest.mark.parametrize("fails", [(1,), (0, 1)])
def test_an_exception_of_another_thread_passes_through_too(fails):
    both = threading.Barrier(2, timeout=30)

    def function(start, stop):
        both.wait()  # so that each thread has a part
        if (threading.current_thread() is not threading.main_thread()) in fails:
            raise KeyError(start)

    with threads.limited(2), pytest.raises(KeyError):
        threads.each(function, 2)


@pytest.mark.parametrize("fails", [False, True])
def test_torch_has_one_thread_inside_and_its_own_number_after(fails):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        seen = []
        try:
            with threads.limited(2):
                seen.append(torch.get_num_threads())
                threads.each(lambda start, stop: seen.append(torch.get_num_threads()), 2)
                if fails:
                    raise KeyError
        except KeyError:
            pass
        assert seen == [1, 1, 1]
        with threads.limited(1):
            threads.each(lambda start, stop: seen.append(torch.get_num_threads()), 2)
        assert seen == [1, 1, 1, 1]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def exit_code(code):
    """Of a process of its own: one that hangs is ended."""
    return subprocess.run([sys.executable, "-c", textwrap.dedent(code)], timeout=60).returncode


def test_a_part_that_is_cut_into_parts_again_does_not_wait_for_itself():
    code = """
        from evo import machine, threads
        inner = []
        with threads.limited(2):
            threads.each(lambda start, stop: threads.each(lambda a, b: inner.append((start, a, b)), 4), 2)
        raise SystemExit(7 if sorted(inner) == [(0, 0, 4), (1, 0, 4)] else 1)
    """
    assert exit_code(code) == 7


def test_a_limit_in_one_thread_does_not_reach_another():
    with threads.limited(3), ThreadPoolExecutor(1) as pool:
        assert pool.submit(threads.count).result() == machine.cores()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_has_threads_of_its_own():
    code = """
        import os, signal, threading, time, warnings
        warnings.simplefilter("ignore")
        from evo import machine, threads
        with threads.limited(2):
            both = threading.Barrier(2)
            threads.each(lambda start, stop: both.wait(), 2)
            time.sleep(0.2)  # now both wait for work, which in the child they never will
            child = os.fork()
            if child == 0:
                signal.alarm(20)
                threads.each(lambda start, stop: None, 2)
                os._exit(7)
            raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    assert exit_code(code) == 7
