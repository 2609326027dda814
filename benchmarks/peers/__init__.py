"""The tools that run the same graph, each in the way its own documentation shows."""

from benchmarks.peers import build_tools, plugins, workflows
from benchmarks.peers.base import Peer, PeerMissingError

OURS = plugins.Moderator()
XDIST = plugins.PlainXdist()

PEERS: tuple[Peer, ...] = (
    OURS,
    XDIST,
    workflows.Snakemake(),
    workflows.Luigi(),
    workflows.Dask(),
    build_tools.Doit(),
    build_tools.Just(),
    build_tools.GoTask(),
    build_tools.Ninja(),
    build_tools.Make(),
)

__all__ = ["OURS", "PEERS", "XDIST", "Peer", "PeerMissingError"]
