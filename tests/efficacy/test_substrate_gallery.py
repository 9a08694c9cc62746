"""A page of networks that CPPNs draw is the same bytes each time."""

import numpy as np
from PIL import Image
from substrate_gallery import main


def test_a_page_shows_both_champions_and_is_a_function_of_its_generations(tmp_path):
    pages = [tmp_path / "one.png", tmp_path / "two.png"]
    for page in pages:
        main(["-o", str(page), "--generations", "2"])
    assert pages[0].read_bytes() == pages[1].read_bytes()
    with Image.open(pages[0]) as picture:
        assert picture.size == (900, 1000)
        shown = np.asarray(picture.convert("L")).reshape(2, 500, 900)
    assert (shown < 250).mean(axis=(1, 2)).min() > 0.02
