import os

# Two libraries' threads on two cores slow each other tenfold; set before numpy or torch is imported.
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"
