import os

# Two libraries' threads on two cores slow each other tenfold; set before numpy or torch is imported.
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"

from hypothesis import settings  # noqa: E402

# Compiling a kernel, or a busy machine, is no failure; and the same examples every time.
settings.register_profile("tests", deadline=None, derandomize=True)
settings.register_profile("plain", settings.get_profile("tests"), max_examples=20)  # of kernels as plain Python (`plain_pass`)
settings.load_profile("tests")
