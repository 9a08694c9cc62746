import random

import damaged_files


def test_no_damaged_file_of_a_run_makes_it_another_or_ends_without_words():
    found = damaged_files.campaign("xor", "neat", 24, random.Random(3), steps=4)
    assert found.wrong == []
    assert found.same + found.refused == 24
    assert min(found.same, found.refused) > 0
