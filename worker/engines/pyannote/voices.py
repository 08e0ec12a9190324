"""The clustering that a pipeline's configuration names, on a bounded number of embeddings.

The methods are pyannote.audio's own, step by step, so that a recording whose embeddings all fit has the stock result:
agglomerative clustering, k-means, or VBx (Landini et al., "Bayesian HMM clustering of x-vector sequences (VBx) in
speaker diarization", 2022) begun by agglomerative clustering.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyannote.audio.pipelines.clustering import AgglomerativeClustering, KMeansClustering, VBxClustering
from pyannote.audio.utils.vbx import cluster_vbx
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.cluster import KMeans

from core.errors import InvalidRequest
from worker.clustering import Embeddings, Limits

SUPPORTED = (AgglomerativeClustering, KMeansClustering, VBxClustering)
_ITERATIONS = 20
_PRIOR = 1e-7
"""A voice of less prior probability is none; as upstream has it."""


@dataclass(frozen=True)
class Voices:
    """`centroids`: (voices, dimension). `one_each`: no two slots of a window are one voice."""

    centroids: NDArray[np.float64]
    one_each: bool = False


def single(train: Embeddings) -> Voices:
    """All are one voice; of nothing, one without a direction."""
    return Voices(train.sum(axis=0, keepdims=True, dtype=np.float64) / max(1, len(train)))


def voices(clustering: Any, train: Embeddings, limits: Limits) -> Voices:
    """`train`: (n, dimension), at least one. Raises InvalidRequest where the method must be told a number."""
    if isinstance(clustering, KMeansClustering) and limits.exact is None and limits.most > 1:
        raise InvalidRequest(
            "this diarizer's clustering must be told how many speakers there are",
            errors=[{"field": "speakers", "message": "is needed by this diarizer"}],
        )
    if len(train) < 2 or limits.most < 2:
        return single(train)
    if isinstance(clustering, VBxClustering):
        return _vbx(clustering, train, limits)
    given = {"num_clusters": limits.exact, "min_clusters": limits.least, "max_clusters": limits.most}
    return Voices(_means(train, clustering.cluster(train.copy(), **given)))


def _vbx(clustering: VBxClustering, train: Embeddings, limits: Limits) -> Voices:
    directions = train / np.linalg.norm(train, axis=1, keepdims=True)
    tree = linkage(directions, method="centroid", metric="euclidean")
    _, first = np.unique(fcluster(tree, clustering.threshold, criterion="distance"), return_inverse=True)
    plda = clustering.plda
    shares, priors = cluster_vbx(first, plda(train), plda.phi, Fa=clustering.Fa, Fb=clustering.Fb, maxIters=_ITERATIONS)
    shares = shares[:, priors > _PRIOR]
    wanted = limits.broken(shares.shape[1])
    if wanted is not None:
        return Voices(_means(train, _kmeans(directions, wanted)))
    return Voices(shares.T @ train / shares.sum(axis=0, keepdims=True).T, clustering.constrained_assignment)


def _kmeans(directions: Embeddings, count: int) -> NDArray[np.int64]:
    found: NDArray[np.int64] = KMeans(n_clusters=count, n_init=3, random_state=42).fit_predict(directions)
    return found


def _means(train: Embeddings, clusters: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.vstack([train[clusters == one].mean(axis=0, dtype=np.float64) for one in range(clusters.max() + 1)])
