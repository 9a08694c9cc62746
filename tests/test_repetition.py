"""No passage of the packages stands twice: what two places share has one home."""

import ast

from import_graph import FILES, ROOT

LENGTH = 8  # lines


def lines(text):
    """(number, trimmed line) of each that counts: none that is blank, a comment or part of an import."""
    imported = {
        number
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for number in range(node.lineno, node.end_lineno + 1)
    }
    trimmed = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if number not in imported]
    return [(number, line) for number, line in trimmed if line and not line.startswith("#")]


def repetitions(sources):
    """ "a.py:1 = b.py:9, 8 lines" for each passage of LENGTH lines or more that stands twice. sources: {name: text}."""
    counted = [(name, *line) for name, text in sources.items() for line in lines(text)]
    first, pairs = {}, []
    for here in range(len(counted) - LENGTH + 1):
        window = counted[here : here + LENGTH]
        if window[0][0] == window[-1][0]:  # in one file
            before = first.setdefault(tuple(line for *_, line in window), here)
            if before + LENGTH <= here:
                pairs.append((before, here))
    place = lambda index: "{}:{}".format(*counted[index])
    length = dict.fromkeys(pairs, LENGTH)
    for before, here in reversed(pairs):  # windows that follow one another are one passage
        if (before - 1, here - 1) in length:
            length[before - 1, here - 1] = length.pop((before, here)) + 1
    return [f"{place(before)} = {place(here)}, {lines} lines" for (before, here), lines in length.items()]


def test_no_passage_stands_twice():
    assert repetitions({str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in FILES}) == []


PASSAGE = [f"x{number} = {number}" for number in range(LENGTH)]


def test_a_passage_is_found_wherever_it_stands_and_however_it_is_indented():
    indented = ["def f():", *(f"    {line}  # noted" if "7" in line else f"    {line}\n\n    # a remark" for line in PASSAGE)]
    once, again = "\n".join(["import os", *PASSAGE[:-1], "x7 = 7  # noted"]), "\n".join(indented)
    assert repetitions({"a.py": once, "b.py": again}) == ["a.py:2 = b.py:2, 8 lines"]
    assert repetitions({"a.py": f"{once}\ny = 1\n{once}"}) == ["a.py:2 = a.py:12, 8 lines"]


def test_a_longer_passage_is_reported_once():
    longer = "\n".join([*PASSAGE, "y = 1", "z = 2"])
    assert repetitions({"a.py": longer, "b.py": longer}) == ["a.py:1 = b.py:1, 10 lines"]


def test_seven_lines_imports_and_a_passage_that_runs_over_two_files_are_none():
    shorter, imports = "\n".join(PASSAGE[:-1]), "\n".join(f"import m{number}" for number in range(LENGTH))
    assert repetitions({"a.py": shorter, "b.py": shorter}) == []
    assert repetitions({"a.py": imports, "b.py": imports}) == []
    halves = {"a.py": "\n".join(PASSAGE[:4]), "b.py": "\n".join(PASSAGE[4:])}
    assert repetitions({**halves, "c.py": "\n".join(PASSAGE)}) == []
