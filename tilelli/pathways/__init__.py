"""The three pathways a byte may take through a block, in the order in which routers weigh them."""

from tilelli.config import PATHWAYS
from tilelli.pathways.dense import DensePathway
from tilelli.pathways.local import LocalPathway
from tilelli.pathways.sparse import SparsePathway

__all__ = ["PATHWAYS", "DensePathway", "LocalPathway", "SparsePathway"]
