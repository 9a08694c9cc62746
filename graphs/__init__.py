"""Graphs: their data, random walks, embeddings and how well these predict labels, networks of nodes."""

from importlib import import_module

# The public surface; each name is imported when it is first used.
_PUBLIC = {
    "APPNP": "graphs.models",
    "GAT": "graphs.models",
    "GCN": "graphs.models",
    "GIN": "graphs.models",
    "Graph": "graphs.data",
    "GraphTask": "graphs.task",
    "LINE": "graphs.line",
    "Labels": "graphs.files",
    "LinkTask": "graphs.links",
    "DeepWalk": "graphs.embeddings",
    "Diff2Vec": "graphs.embeddings",
    "Node2Vec": "graphs.embeddings",
    "Walklets": "graphs.embeddings",
    "GraRep": "graphs.factorization",
    "NetMF": "graphs.factorization",
    "ProNE": "graphs.factorization",
    "SAGE": "graphs.models",
    "SGC": "graphs.models",
    "Splitter": "graphs.splitter",
    "split_nodes": "graphs.personas",
    "Scores": "graphs.scoring",
    "score_labels": "graphs.scoring",
    "SurrogateNEAT": "graphs.surrogate_neat",
    "Topology": "graphs.topology",
    "diffusion_circuits": "graphs.diffusion",
    "modularity": "graphs.modules",
    "motif_counts": "graphs.motifs",
    "random_walks": "graphs.walks",
    "read_graph": "graphs.files",
    "read_labels": "graphs.files",
    "rewired": "graphs.rewiring",
    "write_graph": "graphs.files",
}

__all__ = list(_PUBLIC)


def __getattr__(name: str) -> object:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'graphs' has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
