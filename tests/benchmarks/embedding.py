"""scikit-learn's t-SNE beside openTSNE's, on the embeddings of FER2013's PublicTest.

``python tests/benchmarks/embedding.py --data fer2013.zip`` needs ``pip install openTSNE``.
"""

import argparse
import time
from pathlib import Path

import openTSNE.sklearn
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, trustworthiness

from ferkit import ResNetFER
from ferkit.datasets import load_fer2013


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Time t-SNE.")
    parser.add_argument("--data", type=Path, required=True, help="FER2013")
    parser.add_argument("--turns", type=int, default=2)
    args = parser.parse_args()
    X, _ = load_fer2013(args.data, subset="public_test", return_X_y=True)
    embeddings = PCA(50, random_state=0).fit_transform(
        ResNetFER.from_pretrained("fer2013").transform(X)
    )
    methods = {
        "scikit-learn": TSNE(init="pca", random_state=0),
        "openTSNE": openTSNE.sklearn.TSNE(initialization="pca", random_state=0, n_jobs=2),
    }
    for _ in range(args.turns):
        for name, method in methods.items():
            start = time.perf_counter()
            points = method.fit_transform(embeddings)
            seconds = time.perf_counter() - start
            trust = trustworthiness(embeddings, points, n_neighbors=12)
            print(f"{name}: {seconds:.1f} s, trustworthiness {trust:.3f}", flush=True)


if __name__ == "__main__":
    main()
