"""A page of random CPPNs is the same bytes each time."""

import numpy as np
import pytest
from cppn_gallery import main
from PIL import Image


@pytest.mark.parametrize(("colour", "mode"), [("grey", "L"), ("hsb", "RGB")])
def test_a_page_is_a_function_of_its_seeds(tmp_path, colour, mode):
    pages = [tmp_path / "one.png", tmp_path / "two.png"]
    for page in pages:
        main(["-o", str(page), "--seeds", "9", "--generations", "4", "--size", "12", "--colour", colour])
    assert pages[0].read_bytes() == pages[1].read_bytes()
    picture = Image.open(pages[0])
    assert (picture.mode, picture.size) == (mode, (8 * 16 - 4, 2 * 16 - 4))
    shown = np.asarray(picture).reshape(28, 124, -1)
    assert len({shown[:12, 16 * k : 16 * k + 12].tobytes() for k in range(8)}) == 8
    assert (shown[:, 12:16] == 255).all()
