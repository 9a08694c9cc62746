"""Citation networks with the fixed split of Planetoid: 20 papers of each class train, 500 validate, 1,000 are the test.

Yang, Cohen, Salakhutdinov: Revisiting semi-supervised learning with graph embeddings. ICML 2016, and the authors' repository.
Their files are pickles, of which none is run (`scenarios.pickles`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse

from graphs.data import Graph
from graphs.task import GraphTask
from scenarios.datasets import Classification
from scenarios.downloads import Download, unpacked
from scenarios.pickles import held

COMMIT = "af6abf468a772cc055bec88c52e4d6f51b7c37e3"
PARTS = ("x", "tx", "allx", "y", "ty", "ally", "graph", "test.index")
VALIDATION = 500
LEARNERS = {"openai-es": {"population_size": 256, "noise_std": 0.1, "learning_rate": 0.05}}  # of a GCN on Cora, seed 1000


@dataclass(frozen=True)
class Citations:
    """A data set of Planetoid: its name, and the sha256 of the files of PARTS, in their order."""

    name: str
    sha256: tuple[str, ...]

    def load(self) -> tuple[Graph, scipy.sparse.csr_array, np.ndarray, tuple[np.ndarray, ...]]:
        """Graph, features (N, F) whose rows sum to 1, classes (N,), and the nodes that train, validate, test.

        The test nodes' rows are in the order of their index. Of Citeseer 15 nodes are in none of the files: they keep their
        rows, without features, without edges and in no part, as in the papers. Papers that cite themselves do not here, and a
        citation that stands twice counts once. Raises as `Download.path` does, and ValueError for a file that is not the pinned
        one.
        """
        names = [f"ind.{self.name}.{part}" for part in PARTS]
        url = f"https://raw.githubusercontent.com/kimiyoung/planetoid/{COMMIT}/data/"
        files = Download(f"graphs/{self.name}", url, dict(zip(names, self.sha256)))
        raw = [unpacked(files.path(file).read_bytes(), sha256, files.path(file)) for file, sha256 in files.sha256.items()]
        _, test_x, all_x, y, test_y, all_y, cited = map(held, raw[:-1])
        index = np.array(raw[-1].split(), np.int64)
        count, after = int(index.max()) + 1, all_y.shape[0]
        x = scipy.sparse.lil_array((count, all_x.shape[1]), dtype=np.float32)
        x[:after], x[index] = all_x, test_x
        answers = np.zeros((count, y.shape[1]))
        answers[:after], answers[index] = all_y, test_y
        rows = scipy.sparse.csr_array(x)
        sums = rows.sum(1)
        rows.data /= np.repeat(np.where(sums > 0, sums, 1), np.diff(rows.indptr)).astype(np.float32)
        pairs = {(min(pair), max(pair)) for one, others in cited.items() for pair in ((one, other) for other in others)}
        graph = Graph.from_edges(sorted(pair for pair in pairs if pair[0] != pair[1]), nodes=range(count))
        parts = np.arange(len(y)), np.arange(len(y), len(y) + VALIDATION), np.sort(index)
        return graph, rows, answers.argmax(1), parts

    def task(self, settings: Classification, network: Any, classes: list[str]) -> GraphTask:
        """Classes of papers, of which words (features) and citations (edges) are known."""
        graph, x, y, parts = self.load()
        return GraphTask(graph, y, parts, x, kind="classification", classes=classes, network=network, **vars(settings))
